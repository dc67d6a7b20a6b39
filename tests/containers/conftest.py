"""Models and servers that the tests of the inference container share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server
from tables import customers, make_model, numbers


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model of two classes on numbers and categories, with model.onnx."""
    return make_model(tmp_path_factory.mktemp("classifier"), customers(), "binary_classification", "binary:logistic")


@pytest.fixture(scope="session")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model on numbers alone, with model.onnx."""
    return make_model(tmp_path_factory.mktemp("regressor"), numbers(), "regression", "reg:squarederror")


@pytest.fixture(scope="module")
def server(classifier: Path) -> Iterator[Server]:
    with Server(classifier) as running:
        yield running


@pytest.fixture(scope="module")
def number_server(regressor: Path) -> Iterator[Server]:
    with Server(regressor) as running:
        yield running
