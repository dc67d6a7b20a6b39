"""Checks a model folder before any file in it is opened: data only, all that manifest.json lists, and nothing else.

A pickle runs code when it is loaded, so a model that comes from a registry is never one.
"""

import hashlib
import json
import os
from pathlib import Path

from server.errors import StartError

MANIFEST = "manifest.json"
# Formats that hold data and no code; a model_fn of your own may need another.
DATA = (".ubj", ".onnx", ".json", ".safetensors")
CHUNK = 1 << 20  # bytes
REMEDY = "Deploy the model.tar.gz that the training job wrote"


def verify(folder: Path) -> None:
    """Raise StartError unless the folder's files are those of its manifest, byte by byte."""
    if not folder.is_dir():
        raise StartError(f"there is no model folder {folder}. Mount the model there, or set SAGEMAKER_BASE_DIR.")
    found = plain_files(folder)
    listed = read_manifest(folder)
    for name in sorted(found - {MANIFEST} - set(listed)):
        raise StartError(f"{folder} holds {name}, which {MANIFEST} does not list. {REMEDY}.")
    for name, digest in listed.items():
        if name not in found:
            raise StartError(f"{folder} lacks {name}, which {MANIFEST} lists. {REMEDY}.")
        if sha256(folder / name) != digest:
            raise StartError(f"{folder / name} is not the file whose SHA-256 {MANIFEST} tells. {REMEDY}.")


def plain_files(folder: Path) -> set[str]:
    """Names of the files in a folder; links, folders and formats that may hold code are refused."""
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        if not entry.is_file(follow_symlinks=False):
            raise StartError(f"{folder} holds {entry.name}, which is a link or no file. {REMEDY}.")
        if not entry.name.endswith(DATA):
            safe = f"only {', '.join(DATA)} are"
            raise StartError(f"{folder} holds {entry.name}, which is never loaded: {safe} known to be data. {REMEDY}.")
    return {entry.name for entry in entries}


def read_manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by file name."""
    path = folder / MANIFEST
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except FileNotFoundError as error:
        raise StartError(f"{folder} lacks {MANIFEST}. {REMEDY}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StartError(f'{path} is not {{"files": {{name: SHA-256}}}}. {REMEDY}.') from error


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
