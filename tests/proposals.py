"""What tests propose to a seed's repository."""

from __future__ import annotations

from collections.abc import Callable

# The rest of a seed's tests take minutes, and test_seed_alone runs them.
_QUICK = {"tests/pipelines/test_pipeline_session.py", "tests/pipelines/conftest.py"}
# For the end of a pipeline.py.
WITH_NOTES = """

def with_notes(make):
    from sagemaker.core.workflow.parameters import ParameterString

    def made(*given):
        pipeline = make(*given)
        pipeline.parameters = [*pipeline.parameters, ParameterString("Notes", "none")]
        return pipeline

    return made


get_pipeline = with_notes(get_pipeline)
"""
TOLD = "- parameter `Notes` is new"


def keep_quick_tests(git: Callable[..., str]) -> None:
    """Take the slow tests out of a checkout."""
    slow = [name for name in git("ls-files", "tests").split() if name not in _QUICK]
    git("rm", "--quiet", *slow)
