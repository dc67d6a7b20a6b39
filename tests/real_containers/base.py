"""The base of an image: what its Dockerfile names or, where no registry is reached, one made with debootstrap."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from podman import LIMITS, PODMAN, podman, succeeds

# Debian's release whose own Python has that version.
RELEASES = {"3.11": "bookworm", "3.13": "trixie"}
# As in the official images: a `python` and a `pip` in /usr/local that may be installed into.
SETTINGS = ("ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "ENV LANG=C.UTF-8", "CMD python3")


@dataclass(frozen=True)
class Base:
    """A reference to the image, and what to tell of it."""

    reference: str
    told: str
    is_stand_in: bool


def base_of(dockerfile: Path, release: str | None) -> Base:
    """Return the base that a Dockerfile names, or a stand-in of a Debian release: by default that of its Python."""
    named = re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) == 1, f"{dockerfile} has {len(named)} stages; only one stage has a stand-in for its base."
    if succeeds("image", "exists", named[0]) or succeeds("pull", "--quiet", named[0]):
        return Base(named[0], f"{named[0]}, as the Dockerfile says", False)
    asked = re.search(r"python:(3\.\d+)", named[0])
    release = release or RELEASES.get(asked[1] if asked else "", "bookworm")
    image = f"localhost/test-containers/base:{release}"
    if not succeeds("image", "exists", image):
        bootstrap(release, image)
    version = podman("run", "--rm", "--network=none", *LIMITS, image, "python", "--version").strip()
    return Base(image, f"{named[0]} can't be pulled: debootstrap {release}, {version}", True)


def bootstrap(release: str, image: str) -> None:
    """Make a Debian release with its Python an image. DEBIAN_MIRROR names a mirror other than debootstrap's own."""
    assert shutil.which("debootstrap"), "The base can't be pulled, and there is no debootstrap to make one. Install it."
    assert os.geteuid() == 0, "The base can't be pulled, and debootstrap needs root. Run this as root, or pull it."
    mirror = [os.environ["DEBIAN_MIRROR"]] if "DEBIAN_MIRROR" in os.environ else []
    with tempfile.TemporaryDirectory() as folder:
        run("debootstrap", "--variant=minbase", "--include=python3-venv,ca-certificates", release, folder, *mirror)
        run("chroot", folder, "python3", "-m", "venv", "/usr/local")
        for packages in Path(folder).glob("var/cache/apt/archives/*.deb"):
            packages.unlink()
        changes = [f"--change={setting}" for setting in SETTINGS]
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([*PODMAN, "import", "--quiet", *changes, "-", image], stdin=tar.stdout, check=True)


def run(*command: str) -> None:
    """Run a program; its output is told when it fails."""
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert finished.returncode == 0, f"{' '.join(command)}:\n{finished.stdout[-3000:]}"
