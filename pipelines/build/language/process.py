"""Read records, check every line of them, and split them into train, validation and test sets.

Records are lines {"prompt": "...", "completion": "..."} in .jsonl files. Writes, for each set, records.jsonl;
metadata/features.json (what the model takes and answers) and metadata/data.json (what was read).
"""

import argparse
import hashlib
import logging
from pathlib import Path

import numpy as np
from job import JobError, run, write_json
from records import Record, RecordError, digest, find

logger = logging.getLogger("process")

SPLIT = {"train": 0.70, "validation": 0.15, "test": 0.15}
NAMED = 5  # lines that a message names
SCHEMA = {
    "version": 1,
    "problem_type": "text_generation",
    "target": {"name": "completion", "classes": None},
    "columns": [{"name": "prompt", "kind": "text"}],
    "features": ["prompt"],
}


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-uri", required=True, help="where the data came from, for the record")
    parser.add_argument("--input", type=Path, default=Path("/opt/ml/processing/input/data"))
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def process(arguments: argparse.Namespace) -> None:
    """Find, check, split, write."""
    records = list_records(arguments.input)
    for part in SPLIT:
        chosen = [record for record in records if part_of(record) == part]
        if not chosen:
            raise JobError(f"of {len(records)} records none is left for {part}. Add records.")
        write_part(arguments.output / part, chosen)
        logger.info("%s: %d records", part, len(chosen))
    write_json(arguments.output / "metadata" / "features.json", SCHEMA)
    whole = hashlib.sha256("\n".join(record.digest for record in records).encode()).hexdigest()
    manifest = {"version": 1, "uri": arguments.data_uri, "sha256": whole, "rows": len(records)}
    write_json(arguments.output / "metadata" / "data.json", manifest)


def list_records(folder: Path) -> list[Record]:
    """Every record once, in the order of their digests; JobError names bad lines, or says that there is no record."""
    found = list(find(folder))
    if bad := [str(item) for item in found if isinstance(item, RecordError)]:
        named = "; ".join(bad[:NAMED])
        raise JobError(f'{len(bad)} of {len(found)} lines are no records: {named}. Write {{"prompt", "completion"}}.')
    records = {record.digest: record for record in found if isinstance(record, Record)}
    if not records:
        names = sorted(path.name for path in folder.rglob("*") if path.is_file())[:NAMED]
        raise JobError(
            f"no record in the data, only the files {names}. Point DataUri at .jsonl files of lines "
            '{"prompt": "...", "completion": "..."}.'
        )
    logger.info("%d records read, %d duplicates dropped", len(found), len(found) - len(records))
    return [records[name] for name in sorted(records)]


def part_of(record: Record) -> str:
    """The set of a record, which its prompt decides: it stays there whatever other records come or go."""
    bounds = np.cumsum(list(SPLIT.values()))[:-1]
    return list(SPLIT)[int(np.searchsorted(bounds, int(digest(record.prompt)[:13], 16) / 16**13, side="right"))]


def write_part(folder: Path, records: list[Record]) -> None:
    """Write a set."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records.jsonl").write_text("".join(record.line() for record in records), encoding="utf-8")


if __name__ == "__main__":
    run(process, parse_arguments())
