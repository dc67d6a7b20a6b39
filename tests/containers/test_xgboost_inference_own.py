"""Functions of one's own beside the inference container's server take the place of its defaults."""

import shutil
from pathlib import Path

import pytest
from serving import Server, run_server, with_inference

ALL_FOUR = """
import json
import os

def model_fn(model_dir):
    return sorted(os.listdir(model_dir))

def input_fn(body, content_type):
    if content_type != "text/plain":
        raise ValueError(f"{content_type} is not text/plain")
    return body.decode().split()

def predict_fn(data, model):
    if data == ["fail"]:
        raise KeyError("a secret")
    return {"words": data, "files": model}

def output_fn(prediction, accept):
    if accept == "text/html":
        return "<p>" + prediction["words"][0]
    return json.dumps(prediction), "application/json"
"""
DOUBLED = "def predict_fn(data, model):\n    return 2 * model.predict(data)\n"


def test_all_four_functions_replace_the_defaults(regressor: Path, tmp_path: Path) -> None:
    with Server(regressor, with_inference(tmp_path / "program", ALL_FOUR)) as server:
        answer = server.invoke("one two", "text/plain")
        page = server.invoke("one two", "text/plain", "text/html")
        refused = server.invoke("1,2", "text/csv")
        failed = server.invoke("fail", "text/plain")
        again = server.invoke("one", "text/plain")

    files = sorted(path.name for path in regressor.iterdir())
    assert (answer.content_type, answer.json()) == ("application/json", {"words": ["one", "two"], "files": files})
    assert (page.content_type, page.body) == ("text/html", b"<p>one")
    assert (refused.status, refused.error) == (400, "text/csv is not text/plain")
    assert failed.status == 500
    assert "KeyError" in failed.error
    assert "a secret" not in failed.error
    assert again.status == 200


def test_one_function_leaves_the_other_defaults(regressor: Path, number_server: Server, tmp_path: Path) -> None:
    with Server(regressor, with_inference(tmp_path / "program", DOUBLED)) as server:
        doubled = server.invoke("[1, 2, 3, 4]", "application/json").json()["predictions"][0]["score"]
        bad = server.invoke("1,2,x,4")

    plain = number_server.invoke("[1, 2, 3, 4]", "application/json").json()["predictions"][0]["score"]
    assert doubled == pytest.approx(2 * plain)
    assert "row 1, column 'c': 'x' is not a number" in bad.error


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import a_package_that_is_not_there", "does not import: ModuleNotFoundError: No module named 'a_package_"),
        ("def model_fn(", "does not import: SyntaxError"),
        ("def model_function(model_dir): pass", "defines none of model_fn, input_fn, predict_fn, output_fn"),
    ],
)
def test_an_inference_py_that_cannot_be_used_ends_the_start_in_one_line(
    source: str, message: str, regressor: Path, tmp_path: Path
) -> None:
    ended = run_server(regressor.parent, container=with_inference(tmp_path / "program", source))

    assert ended.returncode == 1
    assert f"serve: inference.py {message}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_code_in_the_models_folder_is_not_run(regressor: Path, tmp_path: Path) -> None:
    shutil.copytree(regressor, tmp_path / "model")
    (tmp_path / "model" / "inference.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")

    ended = run_server(tmp_path)

    assert ended.returncode == 1
    assert "inference.py, which is never loaded" in ended.stderr
    assert not (tmp_path / "ran").exists()
