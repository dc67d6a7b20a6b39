"""Virtual environments: shared ones that images run in, and throwaway ones that builds work in."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from smproject.sandbox.dockerfile import BuildError

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_NESTED = re.compile(r"(?:-r|--requirement)(?:\s+|=)(\S+)")
_LOCAL = re.compile(r"-e\b|--editable|-c\b|--constraint|\.{0,2}/|file:")
_MARKER = "complete"  # written last: an environment without it was interrupted and is made again


class _Builder(venv.EnvBuilder):
    """Makes environments of the installed Python itself: one of another environment's breaks where that isn't seen.

    Python 3.10 links to the environment that it runs in, later versions look through it.
    """

    def ensure_directories(self, env_dir: Any) -> SimpleNamespace:
        """Name the Python to link to."""
        context = super().ensure_directories(env_dir)
        installed = Path(sys.executable).resolve()
        context.executable, context.python_dir = str(installed), str(installed.parent)
        return context


def cache() -> Path:
    """Return the folder that survives `sandbox reset`: $SMPROJECT_CACHE or ~/.cache/smproject."""
    return Path(os.environ.get("SMPROJECT_CACHE") or Path.home() / ".cache" / "smproject").absolute()


def read_requirements(file: Path) -> str:
    """Return a requirements file's lines without comments, with the files it includes in their place."""
    lines = []
    for number, raw in enumerate(file.read_text().splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if nested := _NESTED.fullmatch(line):
            line = read_requirements(file.parent / nested[1]).strip()
        elif _LOCAL.match(line):
            raise BuildError(f"{file.name}:{number}: the stand-in installs packages of an index only, not `{line}`")
        lines += [line] if line else []
    return "".join(f"{line}\n" for line in lines)


def shared(requirements: str, progress: Callable[[str], None]) -> Path:
    """Return the environment that holds exactly these requirements, making it on first use.

    Environments are keyed by the requirements and Python's version. Raises BuildError with pip's last lines.
    """
    key = hashlib.sha256(f"{PYTHON}\n{requirements}".encode()).hexdigest()[:20]
    folder = cache() / "environments" / key
    with _locked(folder):
        if not ((folder / _MARKER).exists() and (folder / "bin" / "python").exists()):
            _make(folder, requirements, progress)
    return folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, requirements: str, progress: Callable[[str], None]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    count = sum(not line.startswith("-") for line in requirements.splitlines())
    progress(f"installing {count} requirement{'' if count == 1 else 's'} for Python {PYTHON} (kept for later builds)")
    try:
        _Builder(symlinks=True, with_pip=True).create(folder)  # pip is part of the images too: script mode calls it
        (folder / "requirements.txt").write_text(requirements)
        if requirements:
            _install(folder)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(folder, ignore_errors=True)
        output = (error.output or b"").decode(errors="replace").strip().splitlines()
        raise BuildError("the requirements can't be installed:\n  " + "\n  ".join(output[-8:])) from error
    (folder / _MARKER).touch()


def _install(folder: Path) -> None:
    python, uv = str(folder / "bin" / "python"), _uv()
    pip = (
        [uv, "pip", "install", "--compile-bytecode", "--python", python]
        if uv
        else [python, "-m", "pip", "install", "--no-input"]
    )
    command = [*pip, "-r", str(folder / "requirements.txt")]
    trusting = {**os.environ, **_wheels(), "UV_SYSTEM_CERTS": "1"}  # what the system trusts, as pip does
    subprocess.run(
        command,
        check=True,
        env=trusting,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _wheels() -> dict[str, str]:
    """Tell uv where PyTorch comes from: pip's own folder of wheels, or else its builds without CUDA, gigabytes less."""
    if "UV_TORCH_BACKEND" in os.environ or "UV_FIND_LINKS" in os.environ:
        return {}
    folder = os.environ.get("PIP_FIND_LINKS")
    return {"UV_FIND_LINKS": folder} if folder else {"UV_TORCH_BACKEND": "cpu"}


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    if beside.exists():
        return str(beside)
    if importlib.util.find_spec("uv") is None:
        return None
    found: str = importlib.import_module("uv").find_uv_bin()
    return found


def throwaway(folder: Path, packages: list[str]) -> None:
    """Make an environment that sees the packages of other site-packages folders and installs into itself.

    The folders are added as plain paths, so what their own .pth files add (an editable checkout, say) stays out.
    """
    _Builder(symlinks=True).create(folder)
    site = folder / "lib" / f"python{PYTHON}" / "site-packages"
    (site / "shared.pth").write_text("".join(f"{path}\n" for path in packages))


def host_packages() -> list[str]:
    """Return the site-packages folders of the Python that runs the sandbox."""
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
