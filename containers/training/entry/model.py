"""What completes a model's folder: how records are encoded, and the list by which a server checks the files."""

import hashlib
import json
import shutil
from pathlib import Path

from entry.job import Job

SCHEMA = "features.json"  # from the channel `metadata`, if given; a server encodes records by it


def complete(job: Job) -> None:
    """Add features.json and, last, manifest.json to the model, if the script left one."""
    if not job.model.is_dir() or not any(job.model.iterdir()):
        return
    schema = job.channel("metadata") / SCHEMA
    if schema.exists():
        shutil.copyfile(schema, job.model / SCHEMA)
    files = (path for path in sorted(job.model.rglob("*")) if path.is_file())
    digests = {path.relative_to(job.model).as_posix(): sha256(path) for path in files}
    (job.model / "manifest.json").write_text(json.dumps({"files": digests}, indent=2) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Digest of a file, which may be larger than memory; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
