"""A stand-in for the docker command: builds images that the sandbox can run, and pushes them to ECR.

`python -m smproject.sandbox.docker`; $SMPROJECT_IMAGES names the image store, $SMPROJECT_IMAGE_TAGS the local tags.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox import buildcontext, docker_run
from smproject.sandbox.dockerfile import BuildError
from smproject.sandbox.image_store import MANIFEST_TYPE, ImageStore, Reference

USAGE = """The sandbox's stand-in for docker supports:
  docker version | --version
  docker login [--username AWS] --password-stdin REGISTRY
  docker build [-t REF]... [-f FILE] [--platform X] [--build-context NAME=FOLDER]... FOLDER
  docker tag REF REF
  docker push REF
  docker run --rm [--network none|bridge] [--entrypoint PROGRAM] REF [ARGUMENT]..."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BuildError(f"docker: {message}\n{USAGE}")


def main(arguments: list[str] | None = None) -> int:
    """Run one docker command; returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    actions = {"version": _version, "login": _login, "build": _build, "tag": _tag, "push": _push, "run": _run}
    name = "version" if words[:1] == ["--version"] else (words or [""])[0]
    try:
        actions.get(name, _refuse)(words[1:])
    except (BuildError, BotoCoreError) as error:
        click.echo(f"ERROR: {error}", err=True)
        return 1
    return 0


def _refuse(_: list[str]) -> None:
    raise BuildError(f"docker: this command is not supported\n{USAGE}")


def _version(_: list[str]) -> None:
    click.echo("The sandbox's stand-in for Docker: builds from copied files and pinned Python requirements")


def _login(words: list[str]) -> None:
    parser = _Parser(prog="docker login", add_help=False)
    parser.add_argument("--username", "-u")
    parser.add_argument("--password-stdin", action="store_true", required=True)
    parser.add_argument("registry")
    parser.parse_args(words)
    if not sys.stdin.read().strip():
        raise BuildError("docker login: the password on standard input is empty")
    click.echo("Login Succeeded")


def _build(words: list[str]) -> None:
    parser = _Parser(prog="docker build", add_help=False)
    parser.add_argument("--tag", "-t", action="append", default=[])
    parser.add_argument("--file", "-f", type=Path)
    parser.add_argument("--platform")
    parser.add_argument("--build-context", action="append", default=[])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(words)
    store, named = _store(), buildcontext.parse_named(options.build_context)
    image = store.build(options.folder, lambda line: click.echo(f"#  {line}"), options.file, named)
    click.echo(f"#  writing image {image.digest}")
    for name in options.tag:
        store.tag(_full(name), image.digest)
        click.echo(f"#  naming to {_full(name)}")


def _tag(words: list[str]) -> None:
    parser = _Parser(prog="docker tag", add_help=False)
    parser.add_argument("source")
    parser.add_argument("target")
    options = parser.parse_args(words)
    _store().tag(_full(options.target), _digest(options.source))


def _push(words: list[str]) -> None:
    parser = _Parser(prog="docker push", add_help=False)
    parser.add_argument("reference")
    name = _full(parser.parse_args(words).reference)
    address, digest, store = Reference.parse(name), _digest(name), _store()
    if address is None:
        raise BuildError(f"{name} is not in Amazon ECR: name it ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG")
    click.echo(f"The push refers to repository [{name.rpartition(':')[0]}]")
    try:
        _upload(boto3.client("ecr", region_name=address.region), address, store, digest)
    except ClientError as error:
        raise BuildError(_refusal(error, address)) from error
    click.echo(f"{address.tag}: digest: {digest} size: {len(store.manifest(digest))}")


def _run(words: list[str]) -> None:
    try:
        sys.exit(docker_run.run(_Parser(prog="docker run", add_help=False), words, _store()))
    except ClientError as error:
        raise BuildError(f"denied: {error}") from error


def _upload(ecr: Any, address: Reference, store: ImageStore, digest: str) -> None:
    """Push as docker does: the layers that the registry lacks, then the manifest."""
    where = {"registryId": address.account, "repositoryName": address.repository}
    layers, manifest = store.layers(digest), store.manifest(digest)
    config = json.loads(manifest)["config"]["digest"]
    known = ecr.batch_check_layer_availability(**where, layerDigests=list(layers))["layers"]
    available = {layer["layerDigest"] for layer in known if layer["layerAvailability"] == "AVAILABLE"}
    for layer, content in layers.items():
        if layer not in available:
            upload = ecr.initiate_layer_upload(**where)["uploadId"]
            part = {"partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}
            ecr.upload_layer_part(**where, uploadId=upload, **part)
            ecr.complete_layer_upload(**where, uploadId=upload, layerDigests=[layer])
        if layer != config:
            click.echo(f"{layer[7:19]}: {'Layer already exists' if layer in available else 'Pushed'}")
    try:
        named = {"imageTag": address.tag, "imageDigest": digest}
        ecr.put_image(**where, imageManifest=manifest, imageManifestMediaType=MANIFEST_TYPE, **named)
    except ecr.exceptions.ImageAlreadyExistsException as error:
        if digest not in str(error):  # it names the image that has the tag; docker is content when it is the same
            raise


def _refusal(error: ClientError, address: Reference) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code == "RepositoryNotFoundException":
        return f"name unknown: {message}"
    if code in ("ImageTagAlreadyExistsException", "ImageAlreadyExistsException"):
        return (
            f"tag invalid: The image tag '{address.tag}' already exists in the '{address.repository}' repository "
            "and cannot be overwritten because the tag is immutable."
        )
    return f"denied: {message} ({code})"


def _store() -> ImageStore:
    home = os.environ.get("SMPROJECT_IMAGES")
    if not home:
        raise BuildError("docker: $SMPROJECT_IMAGES is not set; this command works inside the sandbox's builds")
    tags = os.environ.get("SMPROJECT_IMAGE_TAGS")
    return ImageStore(Path(home), Path(tags) if tags else None)


def _full(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _digest(name: str) -> str:
    digest = _store().tagged(_full(name))
    if digest is None:
        raise BuildError(f"An image does not exist locally with the tag: {_full(name)}")
    return digest


if __name__ == "__main__":
    sys.exit(main())
