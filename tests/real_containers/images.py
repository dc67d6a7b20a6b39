"""Builds the images of this repository's Dockerfiles."""

import json
import os
import subprocess
import sys
import time
from ast import literal_eval
from collections.abc import Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

from base import base_of
from podman import podman

from pipelines.image import Container

ROOT = Path(__file__).resolve().parents[2]
# Where pip's packages come from; its other settings are this machine's own affair.
SOURCES = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "cert", "client-cert")


@dataclass(frozen=True)
class Image:
    """A built image and what the run's summary tells of it."""

    reference: str
    base: str
    megabytes: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.reference}: {self.megabytes:.0f} MB, built in {self.seconds:.0f} s; base: {self.base}"


def build(container: Container, scratch: Path, release: str | None = None, pins: Sequence[str] = ()) -> Image:
    """Build a container with this machine's sources of packages.

    `release` is the Debian release of a stand-in for the base; `pins` are versions that pip must take or fail.
    """
    began, base = time.monotonic(), base_of(container.dockerfile, release)
    reference = f"localhost/test-containers/{container.folder.parent.name}-{container.folder.name}"
    shared = [f"--build-context={name}={path}" for name, path in container.shared.items()]
    # chroot needs no rights that a machine without an engine of its own lacks.
    how = ["--isolation=chroot", "--network=host", f"--from={base.reference}", f"--tag={reference}"]
    # A Dockerfile's own index is as far away as its base; pip passes over a variable that is empty.
    arguments = ["--build-arg=PIP_EXTRA_INDEX_URL="] if base.is_stand_in else []
    made_of = [*shared, f"--file={container.dockerfile}", container.folder]
    podman("build", *how, *sources_of_packages(scratch, pins), *arguments, *made_of)
    size = json.loads(podman("image", "inspect", reference))[0]["Size"]
    return Image(reference, base.told, size / 1e6, time.monotonic() - began)


def sources_of_packages(scratch: Path, pins: Sequence[str]) -> list[str]:
    """Mounts that give a build this machine's sources of packages; of them only empty files and folders stay."""
    (scratch / "constraints.txt").write_text("\n".join(pins), encoding="utf-8")
    settings, mounted = ConfigParser(interpolation=None), {scratch / "constraints.txt"}
    settings.read_dict({"install": {"constraint": str(scratch / "constraints.txt")}})
    for name, value in pip_settings().items():
        settings.read_dict({"global": {name: value}})
        for place in (Path(word.removeprefix("file://")) for word in value.split()):
            if place.is_absolute() and place.exists():
                # The pages of an index point to files beside its folder.
                mounted.add(place.parent if name.endswith("index-url") else place)
    path = scratch / "pip.conf"
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)
    return [f"--volume={path}:/etc/pip.conf:ro", *(f"--volume={place}:{place}:ro" for place in sorted(mounted))]


def pip_settings() -> dict[str, str]:
    """Values of this machine's settings among SOURCES; the environment's, which pip lists last, count."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout.splitlines()
    pairs = [line.partition("=")[::2] for line in lines]
    found = {key.rpartition(".")[2]: str(literal_eval(value)) for key, value in pairs}
    return {name: value for name, value in found.items() if name in SOURCES}
