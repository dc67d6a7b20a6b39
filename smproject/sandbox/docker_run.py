"""`docker run` of the stand-in: a program of an image, in the foreground, as jobs run it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import boto3

from smproject.sandbox.dockerfile import BuildError
from smproject.sandbox.image_store import Image, ImageStore, Reference
from smproject.sandbox.processes import Processes
from smproject.sandbox.sagemaker import runtime


class _Foreground(Processes):
    """Starts programs in the command's own group, their errors apart from their output."""

    def start(  # noqa: PLR0913 - as the class that it stands for
        self,
        command: list[str],
        *,
        cwd: Path,
        env: dict[str, str],
        output: IO[bytes] | int,
        stdin: int | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program."""
        return subprocess.Popen(command, cwd=cwd, env=env, stdin=stdin, stdout=output, pass_fds=pass_fds)


def run(parser: argparse.ArgumentParser, words: list[str], store: ImageStore) -> int:
    """Run `docker run --rm [--network none] [--entrypoint PROGRAM] IMAGE [ARGUMENT...]`; returns the exit status."""
    parser.add_argument("--rm", action="store_true", required=True)
    parser.add_argument("--network", choices=["none", "bridge"], default="bridge")
    parser.add_argument("--entrypoint")
    parser.add_argument("image")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(words)
    image = _find(options.image, store)
    entrypoint = [options.entrypoint] if options.entrypoint else image.entrypoint
    # A program given in place of the image's own gets none of the image's arguments either.
    arguments = options.arguments or ([] if options.entrypoint else image.command)
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "ml").mkdir()
        network = options.network != "none"
        launch = runtime.Launch(Path(work), image, [*entrypoint, *arguments], {}, network=network)
        try:
            return runtime.start(_Foreground(), launch, sys.stdout.fileno()).process.wait()
        except FileNotFoundError as error:
            raise BuildError(f'exec: "{error.filename}": executable file not found in $PATH') from error


def _find(name: str, store: ImageStore) -> Image:
    """Return an image by a local tag, else by what its registry has under that name."""
    address = Reference.parse(name)
    local = name if address is None or address.digest or ":" in name.rpartition("/")[2] else f"{name}:latest"
    digest = store.tagged(local) or (_pull(address) if address else "")
    image = store.get(digest) if digest else None
    if image is None:
        raise BuildError(f"Unable to find image '{name}' locally, nor in Amazon ECR as one that was built here")
    return image


def _pull(address: Reference) -> str:
    """Ask the registry for an image's digest, as pulling begins; empty when it has no such image."""
    ecr: Any = boto3.client("ecr", region_name=address.region)
    wanted = {"imageDigest": address.digest} if address.digest else {"imageTag": address.tag}
    where = {"registryId": address.account, "repositoryName": address.repository}
    found = ecr.batch_get_image(**where, imageIds=[wanted])["images"]
    return str(found[0]["imageId"]["imageDigest"]) if found else ""
