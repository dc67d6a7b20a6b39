"""The demonstration: the whole model-build story on the sandbox, driven by ordinary AWS clients and git."""

from smproject.demo.story import main

__all__ = ["main"]
