"""Check a model archive before anything is deployed: its hash, its members, and its manifest.

Models are code: nothing of an archive is unpacked or loaded here, and no pickle may be in it.
"""

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pipelines.deploy.realtime.errors import DeployError

NEEDED = {"features.json", "manifest.json"}
# One of these groups at least is what an image serves; the last is a language model in Hugging Face's format.
LANGUAGE = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
SERVED = ({"model.ubj"}, {"model.onnx"}, LANGUAGE)
ALLOWED = NEEDED.union(*SERVED, {"special_tokens_map.json"})
LIMIT = 16 << 30  # bytes of the archive, and of what it unpacks to
TEXT_LIMIT = 64 << 20  # bytes of a JSON file in it, such as a tokenizer
CHUNK = 1 << 20
PICKLE = b"\x80"  # how every pickle since protocol 2 begins, and no XGBoost or ONNX model does
# Weights begin with a length of 8 bytes, of which the first may be any, and the brace of a JSON object.
# https://github.com/huggingface/safetensors#format
SAFETENSORS = re.compile(rb".{8}\{", re.DOTALL)
AGAIN = "Train and register the model anew, and look at who may write to its bucket."


def check_archive(path: Path, sha256: str) -> dict[str, Any]:
    """Check an archive; returns its features.json. DeployError says what is wrong with it."""
    with path.open("rb") as file:
        found = _digest(file)
    if found != sha256:
        raise DeployError(f"model.tar.gz has SHA-256 {found}; the model package says {sha256}. {AGAIN}")
    try:
        texts, digests = _read(path)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DeployError(f"model.tar.gz is not a readable archive: {error}. {AGAIN}") from error
    _check_manifest(texts.get("manifest.json"), digests)
    features: dict[str, Any] = texts["features.json"]
    return features


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Contents of the JSON files by name, and the SHA-256 of every file."""
    texts: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for name, content, size in _members(path):
        if name in digests:
            raise DeployError(f"model.tar.gz holds {name} twice. {AGAIN}")
        if name.endswith(".json"):
            texts[name], digests[name] = _json(name, content, size)
        else:
            digests[name] = _digest(content, refuse=name)
    return texts, digests


def _members(path: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    """Yield name, content and size of each member, in the order of the archive."""
    left = LIMIT
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isdir() and PurePosixPath(member.name) == PurePosixPath("."):
                continue
            _check_member(member)
            left -= member.size
            if left < 0:
                raise DeployError(f"model.tar.gz unpacks to more than {LIMIT} bytes. Train a smaller model.")
            content = archive.extractfile(member)
            if content is None:  # never: _check_member lets regular files through alone
                raise DeployError(f"model.tar.gz: {member.name!r} has no content. {AGAIN}")
            yield str(PurePosixPath(member.name)), content, member.size


def _check_member(member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if not member.isreg() or member.issparse():
        kind = "a link" if member.issym() or member.islnk() else "not a plain file"
        raise DeployError(f"model.tar.gz: {member.name!r} is {kind}. {AGAIN}")
    if path.is_absolute() or ".." in path.parts:
        raise DeployError(f"model.tar.gz: {member.name!r} is a path out of the model's folder. {AGAIN}")
    if str(path) not in ALLOWED:
        raise DeployError(
            f"model.tar.gz holds {member.name!r}; only {', '.join(sorted(ALLOWED))} may be in it. {AGAIN}"
        )


def _json(name: str, content: IO[bytes], size: int) -> tuple[Any, str]:
    if size > TEXT_LIMIT:
        raise DeployError(f"model.tar.gz: {name} has {size} bytes; the limit is {TEXT_LIMIT}. {AGAIN}")
    text = content.read()
    try:
        return json.loads(text), hashlib.sha256(text).hexdigest()
    except ValueError as error:
        raise DeployError(f"model.tar.gz: {name} is not JSON: {error}. {AGAIN}") from error


def _digest(content: IO[bytes], refuse: str = "") -> str:
    """SHA-256 of a file; with a name in `refuse`, DeployError when the file of that name is a pickle."""
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        if refuse and chunk.startswith(PICKLE) and not (refuse.endswith(".safetensors") and SAFETENSORS.match(chunk)):
            raise DeployError(f"model.tar.gz: {refuse} is a pickle, which runs code when it is loaded. {AGAIN}")
        digest.update(chunk)
        refuse = ""
    return digest.hexdigest()


def _check_manifest(manifest: Any, digests: dict[str, str]) -> None:
    missing = sorted(NEEDED - digests.keys())
    if not any(group <= digests.keys() for group in SERVED):
        missing.append("model.ubj, model.onnx or all of " + ", ".join(sorted(LANGUAGE)))
    if missing:
        raise DeployError(f"model.tar.gz lacks {', '.join(missing)}. {AGAIN}")
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    found = {name: digest for name, digest in digests.items() if name != "manifest.json"}
    if not isinstance(listed, dict) or listed.keys() != found.keys():
        raise DeployError(f"model.tar.gz holds {', '.join(sorted(found))}; its manifest.json lists {listed}. {AGAIN}")
    for name, digest in found.items():
        if listed[name] != digest:
            raise DeployError(f"model.tar.gz: {name} has SHA-256 {digest}; manifest.json says {listed[name]}. {AGAIN}")
