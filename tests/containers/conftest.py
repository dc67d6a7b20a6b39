"""Jobs, models and servers that the tests of the containers share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server
from table_job import lay_out
from tables import customers, make_model, numbers

BOOSTED = {"num_round": "12", "max_depth": "4", "eval_metric": "rmse"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder laid out like /opt/ml, two channels filled."""
    return lay_out(tmp_path)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model of two classes on numbers and categories, with model.onnx."""
    boosted = {"objective": "binary:logistic", **BOOSTED}
    return make_model(tmp_path_factory.mktemp("classifier"), customers(), "binary_classification", "xgboost", boosted)


@pytest.fixture(scope="session")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model on numbers alone, with model.onnx."""
    boosted = {"objective": "reg:squarederror", **BOOSTED}
    return make_model(tmp_path_factory.mktemp("regressor"), numbers(), "regression", "xgboost", boosted)


@pytest.fixture(scope="module")
def server(classifier: Path) -> Iterator[Server]:
    with Server(classifier) as running:
        yield running


@pytest.fixture(scope="module")
def number_server(regressor: Path) -> Iterator[Server]:
    with Server(regressor) as running:
        yield running
