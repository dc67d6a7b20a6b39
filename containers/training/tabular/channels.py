"""The channels of a training on tables: CSV files with a header, the target first."""

import pandas as pd
from entry import Job, TrainingError


def read_channels(job: Job) -> dict[str, pd.DataFrame]:
    """Read `train` and `validation`; raises TrainingError where one is missing, or their columns differ."""
    channels = {name: read_channel(job, name) for name in ("train", "validation")}
    if list(channels["train"].columns) != list(channels["validation"].columns):
        raise TrainingError(
            "Channels train and validation differ in their columns. Make both by one run of process.py."
        )
    return channels


def read_channel(job: Job, name: str) -> pd.DataFrame:
    """Read all CSV files of a channel as one table."""
    return pd.concat([pd.read_csv(path) for path in job.files(name, "*.csv")], ignore_index=True)
