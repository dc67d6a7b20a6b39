"""A git repository on disk, asked through the git command."""

import io
import subprocess
import tarfile
from pathlib import Path

from smproject.errors import ForkError
from smproject.seeds import SeedFile


class Repository:
    """A work tree and its history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ask(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what a git command prints; raises ForkError with its complaint."""
        done = self._run(*arguments, given=given)
        if done.returncode:
            raise ForkError(f"git {arguments[0]} failed in {self.folder}: {_complaint(done)}")
        return done.stdout

    def text(self, *arguments: str) -> str:
        """The same, as text without the line break at its end."""
        return self.ask(*arguments).decode().rstrip("\n")

    def lines(self, *arguments: str) -> list[str]:
        """The same, by lines."""
        return self.text(*arguments).splitlines()

    def succeeds(self, *arguments: str) -> bool:
        """Tell whether a git command ends well."""
        return self._run(*arguments).returncode == 0

    def commit_of(self, name: str) -> str | None:
        """Id of the commit that a name stands for, if there is one."""
        done = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return done.stdout.decode().strip() or None

    def files(self, commit: str) -> dict[str, SeedFile]:
        """Every file of a commit by its path."""
        with tarfile.open(fileobj=io.BytesIO(self.ask("archive", "--format=tar", commit))) as archive:
            plain = [member for member in archive if member.isreg()]
            read = {member.name: archive.extractfile(member) for member in plain}
            modes = {member.name: bool(member.mode & 0o100) for member in plain}
            return {name: SeedFile(file.read(), modes[name]) for name, file in read.items() if file}

    def _run(self, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        command = ["git", "-C", str(self.folder), *arguments]
        try:
            return subprocess.run(command, input=given, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise ForkError("git is not installed. Install it, then run the command again.") from error


def _complaint(done: "subprocess.CompletedProcess[bytes]") -> str:
    return (done.stderr or done.stdout).decode(errors="replace").strip()
