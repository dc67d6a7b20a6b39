"""Where a build works."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuildFolder:
    """A build's own folder on this machine, there from its start to its end."""

    root: Path

    def make(self) -> None:
        """Create it, closed to other users: it holds the role's credentials."""
        self.root.mkdir(parents=True, mode=0o700)
        for path in (self.home, self.temporary, self.control, self.source()):
            path.mkdir(parents=True)

    def remove(self) -> None:
        """Remove it with all that the build left there."""
        shutil.rmtree(self.root, ignore_errors=True)

    def source(self, identifier: str = "") -> Path:
        """Return the folder of the primary source or of a secondary one."""
        return self.root / "source" / (identifier or "src")

    @property
    def home(self) -> Path:
        """The home folder of the user that runs the build."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.root / "tmp"

    @property
    def control(self) -> Path:
        """The files through which the shell is told what to do, and the log."""
        return self.root / "control"

    @property
    def python(self) -> Path:
        """The build's virtual environment."""
        return self.root / "python"
