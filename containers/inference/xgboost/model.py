"""The model: ONNX Runtime for few records, native XGBoost for many; where one of both files is missing, the other."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from schema import Matrix, Schema
from server.errors import StartError, first_line
from server.sessions import open_session

if TYPE_CHECKING:
    import xgboost as xgb

Scores = npt.NDArray[np.float32]

# Rows up to which ONNX Runtime is the faster. With 100 trees of depth 6 it takes 10 us a call and 3.4 us a row; native
# XGBoost 250 us a call and 1.3 us a row. For more rows XGBoost is imported, once: that takes 0.6 s and 40 MB.
ONNX_ROWS = 125


class Model:
    """Scores of encoded records."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        # XGBoost's training leaves model.onnx away where it scores otherwise; scikit-learn's writes nothing else.
        self.path, path, features = folder / "model.ubj", folder / "model.onnx", len(schema.features)
        self.has_native = self.path.exists()
        self.session = open_session(path) if path.exists() else None
        if self.session:
            # Classifiers give the label first and the probabilities last.
            first, last = self.session.get_inputs()[0], self.session.get_outputs()[-1]
            self.input, self.output, takes = first.name, last.name, first.shape[1]
        else:
            takes = self.booster.num_features()
        if takes != features:
            found = f"the model in {folder} takes {takes} features, but features.json makes {features}"
            raise StartError(f"{found}. Train again.")

    def predict(self, rows: Matrix) -> Scores:
        """A score a row: a probability, or for regression the value."""
        if self.session is None or (self.has_native and len(rows) > ONNX_ROWS):
            return np.asarray(self.booster.inplace_predict(rows), np.float32)
        scores: Scores = self.session.run([self.output], {self.input: rows})[0]
        # Of a classifier's probabilities the last column is that of the positive class.
        return scores.reshape(len(rows), -1)[:, -1]

    def is_quick(self, rows: Matrix) -> bool:
        """Whether these rows take less than a millisecond, or a few in a model of very many trees."""
        return self.session is not None and len(rows) <= ONNX_ROWS

    @cached_property
    def booster(self) -> "xgb.Booster":
        """The native model, loaded when it is needed first."""
        import xgboost as xgb  # noqa: PLC0415  # see ONNX_ROWS

        try:
            return xgb.Booster({"nthread": 1}, model_file=self.path)
        except xgb.core.XGBoostError as error:
            raise StartError(f"{self.path} is no model of XGBoost {xgb.__version__}: {first_line(error)}") from error
