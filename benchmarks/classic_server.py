"""The classic way to serve a model, as one would write it plainly: Flask, pandas, DMatrix; run by gunicorn.

It has none of the container's checks, one format, and the model's folder in MODEL_FOLDER. See inference.py.
"""

import io
import os
from pathlib import Path

import pandas as pd
import xgboost as xgb
from flask import Flask, Response, request

app = Flask(__name__)
booster = xgb.Booster(model_file=Path(os.environ["MODEL_FOLDER"]) / "model.ubj")


@app.get("/ping")
def ping() -> Response:
    """Say that the model is loaded."""
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    """Predict the rows of a CSV."""
    return Response(answer(request.get_data()), mimetype="text/csv")


def answer(body: bytes) -> str:
    """One score a line."""
    table = pd.read_csv(io.BytesIO(body), header=None, names=booster.feature_names)
    return "".join(f"{score}\n" for score in booster.predict(xgb.DMatrix(table)))
