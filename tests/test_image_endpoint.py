"""The endpoint test against the container that serves models of images, as it runs in an endpoint."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from policies import ROOT

sys.path.insert(0, str(ROOT))  # before the folder of tests that is called pipelines too
sys.path.append(str(ROOT / "tests" / "pipelines"))  # what those tests share
sys.path.append(str(ROOT / "tests" / "containers"))

from deploy_endpoint import Answer, Workplace, opened
from image_models import CLASSES, expected, features, model_files, pictures, records, write_model
from serving import CONTAINERS, Server


@dataclass
class Served:
    """A model in its container."""

    server: Server

    def answer(self, body: str, content_type: str) -> Answer:
        found = self.server.invoke(body.encode(), content_type, content_type)
        return found.status, found.body.decode()


class GivesTheLikeliestClassAlone(Served):
    def answer(self, body: str, content_type: str) -> Answer:
        status, text = super().answer(body, content_type)
        if status != 200 or content_type != "application/json":
            return status, text
        scores = [{"score": each["score"]} for each in json.loads(text)["predictions"]]
        return 200, json.dumps({"predictions": scores})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    model = write_model(tmp_path_factory.mktemp("images") / "model", model_files(3))
    with Server(model, CONTAINERS / "onnx") as server:
        yield Served(server)


def golden(scores: Any) -> dict[str, Any]:
    """golden.json of some images."""
    columns = features(3)["columns"]
    known = {"columns": columns, "records": records(pictures(4, 3)), "classes": CLASSES, "tolerance": 1e-4}
    return {**known, "scores": np.asarray(scores).tolist()}


@pytest.fixture
def workplace(served: Served, tmp_path: Path) -> Iterator[Workplace]:
    with opened(tmp_path, served) as place:
        place.golden = golden(expected(pictures(4, 3)))
        yield place


def test_an_endpoint_that_is_well_passes(workplace: Workplace, served: Served) -> None:
    outcome = workplace.examine(served)

    assert outcome.status == 0, outcome.result
    assert outcome.result.startswith("12 tests passed, p99 ")
    # There is no category that could be unseen.
    assert [each.get("message") for each in outcome.report.iter("skipped")] == ["the model has no categorical column"]


def test_classes_in_another_order_fail_the_test(workplace: Workplace, served: Served) -> None:
    workplace.golden = golden(expected(pictures(4, 3))[:, ::-1])

    outcome = workplace.examine(served)

    assert outcome.status == 1
    assert "test_it_gives_the_predictions_of_the_evaluation[application/json]: record " in outcome.result
    assert "at its evaluation the model gave " in outcome.result


def test_fewer_scores_than_classes_fail_the_test(workplace: Workplace, served: Served) -> None:
    outcome = workplace.examine(GivesTheLikeliestClassAlone(served.server))

    assert outcome.status == 1
    assert "4 records of 3 scores as application/json give [1, 1, 1, 1] scores" in outcome.result
