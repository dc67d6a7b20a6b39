"""How a record becomes the numbers that a model learns from: numbers pass, a category becomes columns of 0 and 1."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

# Rarer categories count as "none of these"; more columns than this seldom help a tree.
MAX_LEVELS = 50


def column_schema(values: pd.Series, learn: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """How a column is encoded; categories are learnt from the rows in `learn` alone."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return {"name": values.name, "kind": "numeric"}
    counts = values[learn].dropna().astype(str).value_counts()
    common = sorted(counts.index, key=lambda level: (-counts[level], level))[:MAX_LEVELS]
    return {"name": values.name, "kind": "categorical", "levels": sorted(common)}


def encode(features: pd.DataFrame, columns: list[dict[str, Any]]) -> pd.DataFrame:
    """Numbers pass, missing ones too; each category becomes a column of 0 and 1."""
    encoded: dict[str, Any] = {}
    for column in columns:
        values, name = features[column["name"]], column["name"]
        if column["kind"] == "numeric":
            encoded[unused_name(name, encoded)] = values
        else:
            text = values.astype("string").fillna("")
            for level in column["levels"]:
                encoded[unused_name(f"{name}={level}", encoded)] = (text == level).astype(int)
    return pd.DataFrame(encoded, index=features.index)


def unused_name(name: str, taken: Any) -> str:
    """A feature name that XGBoost accepts (no brackets, no less-than sign) and that is not taken yet."""
    plain = str(name).translate(str.maketrans("[]<", "___"))
    while plain in taken:
        plain += "_"
    return plain
