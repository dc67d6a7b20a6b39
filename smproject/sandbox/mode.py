"""What comes of a denied permission, as `SMPROJECT_PERMISSIONS` says: it is answered, only logged, or not asked for."""

from __future__ import annotations

import os

from smproject.errors import SandboxError

VARIABLE, MODES = "SMPROJECT_PERMISSIONS", ("enforce", "report", "off")
_DEFAULT = "enforce"


def permissions() -> str:
    """Return the mode of this process; raises SandboxError for one that there is not."""
    mode = os.environ.get(VARIABLE, _DEFAULT)
    if mode not in MODES:
        raise SandboxError(f"{VARIABLE} is {mode!r}. Set it to {', '.join(MODES[:-1])} or {MODES[-1]}.")
    return mode
