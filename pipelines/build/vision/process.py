"""Read pictures, split them into train, validation and test sets, and bring them to one size.

Pictures lie in folders named by what they show, as files or in zip files. Writes, for each set, images.npy (uint8
[n, size, size, channels]) and labels.npy (int64 [n]); test/samples.json (pictures of it as a client would send them);
metadata/features.json (what the model takes and answers) and metadata/data.json (what was read).
"""

import argparse
import base64
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from images import Picture, PictureError, decode, digest, encode, find
from job import JobError, run, write_json

logger = logging.getLogger("process")

SPLIT = {"train": 0.70, "validation": 0.15, "test": 0.15}
SAMPLES = 20
SAMPLE_BYTES = 30_000  # of a picture that is sent as it came; larger ones are sent at the model's size
NAMED = 5  # pictures that a message names


@dataclass(frozen=True)
class Entry:
    """A picture, what it shows, its digest, and the set that it belongs to."""

    picture: Picture
    shows: str
    digest: str
    part: str


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="height and width to which pictures are brought")
    parser.add_argument("--channels", type=int, default=3, choices=[1, 3], help="1 for grey pictures, 3 for colours")
    parser.add_argument("--data-uri", required=True, help="where the data came from, for the record")
    parser.add_argument("--input", type=Path, default=Path("/opt/ml/processing/input/data"))
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def process(arguments: argparse.Namespace) -> None:
    """Find, check, split, write."""
    entries = list_pictures(arguments.input)
    classes = sorted({entry.shows for entry in entries})
    check_parts(entries, classes)
    corrupt = []
    for part in SPLIT:
        chosen = [entry for entry in entries if entry.part == part]
        corrupt += write_part(chosen, classes, arguments.output / part, arguments)
        logger.info("%s: %d pictures of %d classes", part, len(chosen), len({entry.shows for entry in chosen}))
    if corrupt:
        named = "; ".join(corrupt[:NAMED])
        raise JobError(f"{len(corrupt)} of {len(entries)} pictures can't be read: {named}. Mend or remove them.")
    write_samples([entry for entry in entries if entry.part == "test"], arguments)
    write_metadata(entries, classes, arguments)


def list_pictures(folder: Path) -> list[Entry]:
    """Every picture once; raises JobError when there is none, or when one is said to show two things."""
    seen: dict[str, Entry] = {}
    read = 0
    try:
        for picture in find(folder):
            read += 1
            name = digest(picture.content())
            entry = seen.setdefault(name, Entry(picture, picture.shows, name, part_of(name)))
            if entry.shows != picture.shows:
                raise JobError(
                    f"{entry.picture.name} and {picture.name} are the same picture in folders of two names. "
                    "Remove the one that is wrong."
                )
    except PictureError as error:
        raise JobError(f"{error}. Give zip files as they were made.") from error
    if not seen:
        found = sorted(path.name for path in folder.rglob("*") if path.is_file())[:NAMED]
        raise JobError(
            f"no picture in the data, only {found}. Point DataUri at folders of .png or .jpg files, named by what the "
            "pictures show, or at .zip files of such folders."
        )
    logger.info("%d pictures read, %d duplicates dropped", read, read - len(seen))
    return sorted(seen.values(), key=lambda entry: entry.digest)


def part_of(name: str) -> str:
    """The set of a picture, which its content decides: it stays there whatever other pictures come or go."""
    bounds = np.cumsum(list(SPLIT.values()))[:-1]
    return list(SPLIT)[int(np.searchsorted(bounds, int(name[:13], 16) / 16**13, side="right"))]


def check_parts(entries: list[Entry], classes: list[str]) -> None:
    """Refuse pictures of which some set can't be learnt from or measured on."""
    if len(classes) < 2:
        raise JobError(f"all pictures lie in folders named {classes[0]!r}. Put each kind into a folder of its own.")
    for part in SPLIT:
        counts = Counter(entry.shows for entry in entries if entry.part == part)
        if missing := [name for name in classes if not counts[name]]:
            raise JobError(f"of {len(entries)} pictures none for {part} shows {missing[:NAMED]}. Add pictures.")


def write_part(entries: list[Entry], classes: list[str], folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Write a set, picture by picture; returns what can't be read, and why."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(entries), arguments.size, arguments.size, arguments.channels)
    pixels = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, shape)
    corrupt = []
    for row, entry in enumerate(entries):
        try:
            pixels[row] = decode(entry.picture.content(), arguments.size, arguments.channels)
        except PictureError as error:
            corrupt.append(f"{entry.picture.name} ({error})")
    pixels.flush()
    labels: npt.NDArray[np.int64] = np.array([classes.index(entry.shows) for entry in entries], np.int64)
    np.save(folder / "labels.npy", labels)
    return corrupt


def write_samples(entries: list[Entry], arguments: argparse.Namespace) -> None:
    """Write the first pictures of the test set, as a client would send them, and their rows in it."""
    records = [{"image": base64.b64encode(as_sent(entry, arguments)).decode()} for entry in entries[:SAMPLES]]
    samples = {"version": 1, "rows": list(range(len(records))), "records": records}
    write_json(arguments.output / "test" / "samples.json", samples)


def as_sent(entry: Entry, arguments: argparse.Namespace) -> bytes:
    """A picture's bytes, or a smaller picture's."""
    content = entry.picture.content()
    if len(content) <= SAMPLE_BYTES:
        return content
    return encode(decode(content, arguments.size, arguments.channels))


def write_metadata(entries: list[Entry], classes: list[str], arguments: argparse.Namespace) -> None:
    """Write what the model takes and answers, and what was read."""
    place = {"height": arguments.size, "width": arguments.size, "channels": arguments.channels}
    schema: dict[str, Any] = {
        "version": 1,
        "problem_type": "multiclass_classification",
        "target": {"name": "class", "classes": classes},
        "columns": [{"name": "image", "kind": "image", **place}],
        "features": ["image"],
    }
    write_json(arguments.output / "metadata" / "features.json", schema)
    whole = hashlib.sha256("\n".join(f"{entry.digest} {entry.shows}" for entry in entries).encode()).hexdigest()
    manifest = {"version": 1, "uri": arguments.data_uri, "sha256": whole, "rows": len(entries), "classes": classes}
    write_json(arguments.output / "metadata" / "data.json", manifest)


if __name__ == "__main__":
    run(process, parse_arguments())
