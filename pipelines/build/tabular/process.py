"""Read CSV, split it into train, validation and test sets, and encode it as numbers.

Writes train/train.csv (or a share for each instance), validation/validation.csv and test/test.csv (header, target
first), test/records.csv (the test set before it was encoded, without the target), test/samples.json (records of it as a
client would send them), metadata/features.json (how a record is encoded, for whoever serves the model) and
metadata/data.json (what was read).
"""

import argparse
import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from encoding import column_schema, encode, unused_name
from job import JobError, run, write_json
from samples import draw

logger = logging.getLogger("process")

# Shares of the rows, in the order of the hash.
SPLIT = {"train": 0.70, "validation": 0.15, "test": 0.15}
# One of these as a class means that class, whatever its share.
POSITIVE_NAMES = ("1", "1.0", "true", "yes", "y", "t", "positive")


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, help="name of the column to predict")
    parser.add_argument("--problem-type", required=True, choices=["binary_classification", "regression"])
    parser.add_argument("--shares", type=int, default=1, help="files of the train set, one for each training instance")
    parser.add_argument("--data-uri", required=True, help="where the data came from, for the record")
    parser.add_argument("--input", type=Path, default=Path("/opt/ml/processing/input/data"))
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def process(arguments: argparse.Namespace) -> None:
    """Read, clean, split, encode, write."""
    files = csv_files(arguments.input)
    table = clean(read(files), arguments.target)
    features, values = table.drop(columns=arguments.target), table[arguments.target]
    target = target_schema(values, arguments.problem_type)
    labels = encode_target(values, target)
    parts = split(features)
    check_parts(labels, parts)
    columns = [column_schema(features[name], parts == "train") for name in features.columns]
    encoded = encode(features, columns)
    encoded.insert(0, unused_name(arguments.target, encoded), labels)
    for name in SPLIT:
        rows = encoded[parts == name]
        write_shares(rows, arguments.output / name, arguments.shares if name == "train" else 1)
        logger.info("%s: %d rows, %d features", name, len(rows), len(columns))
    write_csv(features[parts == "test"], arguments.output / "test" / "records.csv")
    write_json(arguments.output / "test" / "samples.json", draw(features[parts == "test"], columns))
    schema = {"version": 1, "problem_type": arguments.problem_type, "target": target, "columns": columns}
    write_json(arguments.output / "metadata" / "features.json", {**schema, "features": list(encoded.columns[1:])})
    manifest = {"version": 1, "uri": arguments.data_uri, "sha256": fingerprint(files), "rows": len(table)}
    write_json(arguments.output / "metadata" / "data.json", {**manifest, "columns": list(table.columns)})


def csv_files(folder: Path) -> list[Path]:
    """CSV files under a folder in the order of their names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() == ".csv")
    if not files:
        found = sorted(path.name for path in folder.rglob("*") if path.is_file())[:5]
        raise JobError(f"no .csv file in the data, only {found}. Point DataUri at CSV files with a header.")
    return files


def fingerprint(files: list[Path]) -> str:
    """SHA-256 of a single file, as sha256sum prints it; of several, the SHA-256 of their sorted digests."""
    digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def read(files: list[Path]) -> pd.DataFrame:
    """Read all files as one table; they must have the same columns."""
    tables = []
    for path in files:
        try:
            tables.append(pd.read_csv(path))
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise JobError(f"{path.name} is not CSV in UTF-8: {error}. Correct the file.") from error
        if set(tables[-1].columns) != set(tables[0].columns):
            odd = sorted(set(tables[-1].columns) ^ set(tables[0].columns))
            raise JobError(f"{path.name} and {files[0].name} differ in columns {odd}. Give all files one header.")
    return pd.concat(tables, ignore_index=True)


def clean(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Drop exact duplicates, rows with no target, and columns with no value at all."""
    if target not in table.columns:
        found = f"target column {target!r} is not in the data; its columns are {list(table.columns)}"
        raise JobError(f"{found}. Set TargetColumn to one of them.")
    unique = table.drop_duplicates()
    known = unique.dropna(subset=[target]).dropna(axis="columns", how="all").reset_index(drop=True)
    logger.info("%d rows read, %d duplicates dropped", len(table), len(table) - len(unique))
    logger.info("%d rows without a target dropped", len(unique) - len(known))
    if known.shape[1] < 2:
        raise JobError(f"no column but the target {target!r} holds a value. Add columns to predict from.")
    return known


def split(features: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Assign each row to a part by a hash of its content.

    So a row stays in its part when others come or go, and equal rows never fall on both sides.
    """
    hashes = pd.util.hash_pandas_object(features.astype("string").fillna(""), index=False).to_numpy()
    # 2**-64 scales to [0, 1); float64 may round up to 1, which the last part takes in.
    bounds, names = np.cumsum(list(SPLIT.values()))[:-1], np.array(list(SPLIT), dtype=np.str_)
    parts: npt.NDArray[np.str_] = names[np.searchsorted(bounds, hashes * 2.0**-64, side="right")]
    return parts


def check_parts(labels: pd.Series, parts: npt.NDArray[np.str_]) -> None:
    """Refuse data of which some part cannot be learnt from or measured on."""
    for name in SPLIT:
        if labels[parts == name].nunique() < 2:
            found = f"of {len(labels)} rows, those for {name} hold fewer than two different targets"
            raise JobError(f"{found}. Add rows.")


def target_schema(values: pd.Series, problem_type: str) -> dict[str, Any]:
    """Name the target and, for classification, its two classes: the negative first, then the positive.

    Positive is the class named like one of POSITIVE_NAMES; else the rarer; of equally many, the last by name.
    """
    if problem_type == "regression":
        return {"name": values.name, "classes": None}
    counts = values.map(class_name).value_counts()
    if len(counts) != 2:
        found = f"target {values.name!r} has {len(counts)} classes, such as {sorted(counts.index)[:10]}"
        raise JobError(f"{found}; binary_classification needs 2. Choose another column or set PROBLEM_TYPE.")
    named = [name for name in counts.index if name.lower() in POSITIVE_NAMES]
    rarest_last = sorted(counts.index, key=lambda name: (-counts[name], name))
    positive = named[0] if len(named) == 1 else rarest_last[-1]
    return {"name": values.name, "classes": [next(name for name in counts.index if name != positive), positive]}


def class_name(value: object) -> str:
    """Text of a class, without the decimal point that a missing value elsewhere gives to whole numbers."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def encode_target(values: pd.Series, target: dict[str, Any]) -> pd.Series:
    """Classes become 0 and 1; numbers stay as they are."""
    if target["classes"]:
        return (values.map(class_name) == target["classes"][1]).astype(int)
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values[~np.isfinite(numbers)]
    if len(wrong):
        first = f"{wrong.iloc[0]!r} in row {wrong.index[0] + 1}"
        raise JobError(f"target {values.name!r} is not a number {len(wrong)} times, first {first}. Correct the data.")
    return numbers


def write_shares(rows: pd.DataFrame, folder: Path, count: int) -> None:
    """Write a part's rows as one file named like it, or as several of about equal length."""
    if count == 1:
        write_csv(rows, folder / f"{folder.name}.csv")
        return
    for number in range(count):
        write_csv(rows[number::count], folder / f"{folder.name}-{number + 1}-of-{count}.csv")


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write a table with its header, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False)


if __name__ == "__main__":
    run(process, parse_arguments())
