"""What an image is without a container engine: the files its Dockerfile copies, and a Python environment."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject.sandbox import buildcontext, dockerfile, environments
from smproject.sandbox.buildcontext import BuildContext
from smproject.sandbox.dockerfile import BuildError, Copy, Install, Recipe

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_FILES_TYPE = "application/vnd.smproject.files.v1+json"
_REQUIREMENTS_TYPE = "application/vnd.smproject.requirements.v1+json"
_REGISTRY = r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com"
_URI = re.compile(_REGISTRY + r"/([^:@]+)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?")
_BUILDING = ".building-"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A built image: `root` holds its files at their absolute paths, `environment` is its virtual environment."""

    digest: str
    root: Path
    environment: Path
    entrypoint: list[str]
    command: list[str]
    env: dict[str, str]
    workdir: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Reference:
    """An image's address in ECR."""

    account: str
    region: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, uri: str) -> Reference | None:
        """Read `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[:TAG][@DIGEST]`; None for anything else."""
        found = _URI.fullmatch(uri)
        return cls(found[1], found[2], found[3], found[4] or "latest", found[5] or "") if found else None


def clear(home: Path) -> None:
    """Remove what builds that were killed have left in a store."""
    for folder in home.glob(f"{_BUILDING}*"):
        shutil.rmtree(folder, ignore_errors=True)


class ImageStore:
    """The images of this machine, kept under `home` by digest, and the names given to them under `tags`."""

    def __init__(self, home: Path, tags: Path | None = None) -> None:
        self.home, self.tags = home, tags or home / "tags"

    def build(
        self, folder: Path, progress: Progress, file: Path | None = None, named: Mapping[str, Path] | None = None
    ) -> Image:
        """Build the image of a folder's Dockerfile, which may also copy from folders that are named for it.

        Raises BuildError and leaves nothing behind when it can't.
        """
        recipe = dockerfile.parse(file or folder / "Dockerfile")
        for note in [*recipe.notes, *_notes(recipe)]:
            progress(f"note: {note}")
        self.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.home, prefix=_BUILDING) as work:
            contexts = {name: BuildContext(path) for name, path in {"": folder, **(named or {})}.items()}
            return self._assemble(Path(work) / "image", recipe, contexts, progress)

    def _assemble(self, work: Path, recipe: Recipe, contexts: Mapping[str, BuildContext], progress: Progress) -> Image:
        root, requirements = work / "root", ""
        root.mkdir(parents=True)
        for step in recipe.steps:
            if isinstance(step, Copy):
                origin = [f"--from={step.context}"] if step.context else []
                progress(f"COPY {' '.join([*origin, *step.sources])} {step.target}")
                buildcontext.copy(step, contexts, root)
            else:
                requirements += _requirements(root, step)
        environments.shared(requirements, progress)
        blobs = _blobs(recipe, root, requirements)
        manifest = _manifest(blobs)
        (work / "manifest.json").write_text(manifest)
        for number, (_, blob) in enumerate(blobs):
            (work / f"blob-{number}.json").write_text(blob)
        return self._keep(work, _digest(manifest))

    def _keep(self, work: Path, digest: str) -> Image:
        folder = self._folder(digest)
        try:
            work.rename(folder)
        except OSError:  # the same content is kept already
            if not folder.is_dir():
                raise
        image = self.get(digest)
        if image is None:
            raise BuildError(f"{folder} does not hold an image; remove it and build again")
        return image

    def get(self, digest: str) -> Image | None:
        """Return the image with a digest, its environment made anew if the cache lost it; None for an unknown one."""
        folder = self._folder(digest)
        if not (folder / "manifest.json").exists():
            return None
        config = json.loads((folder / "blob-0.json").read_text())["config"]
        requirements = json.loads((folder / "blob-2.json").read_text())["requirements"]
        return Image(
            digest=digest,
            root=folder / "root",
            environment=environments.shared("".join(f"{line}\n" for line in requirements), lambda _: None),
            entrypoint=config["Entrypoint"],
            command=config["Cmd"],
            env=dict(entry.split("=", 1) for entry in config["Env"]),
            workdir=config["WorkingDir"],
            labels=config["Labels"],
        )

    def manifest(self, digest: str) -> str:
        """Return an image's manifest as pushed to ECR; its SHA-256 is the digest."""
        return (self._folder(digest) / "manifest.json").read_text()

    def layers(self, digest: str) -> dict[str, bytes]:
        """Return what an image's manifest refers to, by digest: configuration, list of files, requirements."""
        blobs = [file.read_bytes() for file in sorted(self._folder(digest).glob("blob-*.json"))]
        return {_digest(blob.decode()): blob for blob in blobs}

    def tag(self, name: str, digest: str) -> None:
        """Give an image a name."""
        self.tags.mkdir(parents=True, exist_ok=True)
        (self.tags / hashlib.sha256(name.encode()).hexdigest()).write_text(digest)

    def tagged(self, name: str) -> str | None:
        """Return the digest of the image with a name."""
        file = self.tags / hashlib.sha256(name.encode()).hexdigest()
        return file.read_text() if file.exists() else None

    def _folder(self, digest: str) -> Path:
        return self.home / digest.removeprefix("sha256:")


def _notes(recipe: Recipe) -> list[str]:
    python = re.search(r"\bpython:(\d+\.\d+)", recipe.base)
    if python is None:
        return [f"{recipe.base} is not read: the image gets Python {environments.PYTHON} and its requirements"]
    if python[1] != environments.PYTHON:
        return [f"{recipe.base} asks for Python {python[1]}; the stand-in uses this machine's {environments.PYTHON}"]
    return []


def _requirements(root: Path, step: Install) -> str:
    file = root / step.requirements.lstrip("/")
    if not file.is_file():
        raise BuildError(f"Dockerfile:{step.line}: pip install -r {step.requirements}: no such file; COPY it first")
    return environments.read_requirements(file)


def _digest(content: str) -> str:
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def _blobs(recipe: Recipe, root: Path, requirements: str) -> list[tuple[str, str]]:
    """Return media type and content of the image's configuration and layers, equal for equal content."""
    config = {
        "Entrypoint": recipe.entrypoint,
        "Cmd": recipe.command,
        "Env": [f"{name}={value}" for name, value in recipe.env.items()],
        "WorkingDir": recipe.workdir,
        "Labels": recipe.labels,
    }
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    contents: dict[str, dict[str, Any]] = {
        _CONFIG_TYPE: {"base": recipe.base, "config": config},
        _FILES_TYPE: {path.relative_to(root).as_posix(): _fingerprint(path) for path in paths},
        _REQUIREMENTS_TYPE: {"python": environments.PYTHON, "requirements": requirements.splitlines()},
    }
    return [(kind, json.dumps(content, sort_keys=True, indent=1)) for kind, content in contents.items()]


def _fingerprint(path: Path) -> str:
    kind = "executable" if path.stat().st_mode & 0o100 else "file"
    return f"{kind} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _manifest(blobs: list[tuple[str, str]]) -> str:
    config, *layers = ({"mediaType": kind, "size": len(blob.encode()), "digest": _digest(blob)} for kind, blob in blobs)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}
    return json.dumps(manifest, sort_keys=True, indent=1)
