"""The vision pipeline's scripts as jobs run them: pictures in, a measured model out."""

import base64
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "pipelines" / "build" / "vision"
SHARED = ROOT / "pipelines" / "build" / "scripts"
TRAINING = ROOT / "containers" / "training"
LEARNT = {"epochs": "6", "batch_size": "60", "width": "8", "learning_rate": "0.02"}


def png(pixels: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def digits(count: int = 900) -> dict[str, bytes]:
    """PNG files of digits, 8 by 8 pixels, by name; the folder's name is the digit."""
    found = load_digits()
    pictures = (found.images * 15.9).astype(np.uint8)[:count]
    return {f"{digit}/{number}.png": png(pictures[number]) for number, digit in enumerate(found.target[:count])}


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_bytes(content)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = [sys.executable, *map(str, arguments)], {**os.environ, "PYTHONPATH": str(SHARED)}
    return subprocess.run(command, env={**variables, **environment}, capture_output=True, text=True, check=False)


def process(folder: Path, size: int = 8, channels: int = 1) -> subprocess.CompletedProcess[str]:
    where = ["--input", folder / "in", "--output", folder / "out", "--message", folder / "message"]
    what = ["--size", size, "--channels", channels, "--data-uri", "s3://bucket/pictures"]
    return run(SCRIPTS / "process.py", *what, *where)


def train(folder: Path, **changes: str) -> None:
    base = folder / "ml"
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps({**LEARNT, **changes}))
    (base / "input" / "data").symlink_to(folder / "out")
    programs = f"{TRAINING}{os.pathsep}{TRAINING / 'vision'}"
    trained = run("-m", "entry", "train", PYTHONPATH=programs, SAGEMAKER_BASE_DIR=str(base), PROCESSES_PER_HOST="1")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    (folder / "model").mkdir()
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(base / "model", arcname=".")


def evaluate(folder: Path, champion: Path | None = None) -> subprocess.CompletedProcess[str]:
    where = ["--model", folder / "model", "--test", folder / "out" / "test", "--message", folder / "message"]
    rival = ["--champion", champion or folder / "none"]
    return run(
        *(SCRIPTS / "evaluate.py", "--metric", "accuracy", *where, *rival, "--output", folder / "evaluation"),
        MPLCONFIGDIR=str(folder),
    )


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all three jobs."""
    folder = tmp_path_factory.mktemp("vision")
    lay_out(folder, digits())
    processed = process(folder)
    assert processed.returncode == 0, processed.stderr
    train(folder)
    evaluated = evaluate(folder)
    assert evaluated.returncode == 0, evaluated.stderr
    return folder


@pytest.fixture(scope="module")
def small() -> dict[str, bytes]:
    return digits(300)


def test_every_picture_is_in_exactly_one_set(finished: Path) -> None:
    sets = [np.load(finished / "out" / name / "images.npy") for name in ("train", "validation", "test")]

    assert sum(map(len, sets)) == 900
    assert len(sets[0]) > 3 * len(sets[2]) > 0
    assert all(images.shape[1:] == (8, 8, 1) and images.dtype == np.uint8 for images in sets)


def test_a_model_that_learnt_is_measured_as_good(finished: Path) -> None:
    metrics = read(finished / "evaluation" / "evaluation.json")["multiclass_classification_metrics"]

    assert metrics["accuracy"]["value"] > 0.85
    assert 0 < metrics["accuracy"]["standard_deviation"] < 0.1
    assert sum(sum(row.values()) for row in metrics["confusion_matrix"].values()) == len(
        np.load(finished / "out" / "test" / "labels.npy")
    )


def test_the_report_shows_its_errors_and_loads_nothing_from_elsewhere(finished: Path) -> None:
    page = (finished / "evaluation" / "evaluation.html").read_text()

    assert "accuracy" in page
    assert page.count("<figure>") >= 2
    assert 'src="http' not in page


def test_golden_predictions_are_what_the_model_says_to_the_files_that_came(finished: Path) -> None:
    golden = read(finished / "evaluation" / "golden.json")
    session = onnxruntime.InferenceSession(finished / "ml" / "model" / "model.onnx")
    sent = [base64.b64decode(record["image"]) for record in golden["records"]]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(content)))[:, :, None] for content in sent])

    assert len(sent) == 20
    assert set(sent) <= set(digits().values())
    np.testing.assert_allclose(golden["scores"], session.run(None, {"image": pixels})[0], atol=golden["tolerance"])
    assert golden["classes"] == [str(number) for number in range(10)]


def test_without_an_approved_version_nothing_is_compared(finished: Path) -> None:
    assert read(finished / "evaluation" / "comparison.json")["compared"] == 0


def test_an_approved_version_is_measured_on_the_same_pictures(finished: Path, tmp_path: Path) -> None:
    for name in ("model", "out"):
        (tmp_path / name).symlink_to(finished / name)
    assert evaluate(tmp_path, finished / "model").returncode == 0
    comparison = read(tmp_path / "evaluation" / "comparison.json")

    assert (comparison["compared"], comparison["improvement"]) == (1, 0.0)


def test_an_approved_version_of_other_pictures_holds_nobody_back(finished: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, digits())
    assert process(tmp_path, size=10).returncode == 0
    train(tmp_path, epochs="1")
    evaluated = evaluate(tmp_path, finished / "model")

    assert evaluated.returncode == 0, evaluated.stderr
    assert "its columns is" in read(tmp_path / "evaluation" / "comparison.json")["summary"]


def test_pictures_in_a_zip_file_are_those_in_folders(small: dict[str, bytes], tmp_path: Path) -> None:
    lay_out(tmp_path / "folders", small)
    lay_out(tmp_path / "zip", {"all.zip": zipped({f"pictures/{name}": content for name, content in small.items()})})

    assert [process(tmp_path / kind).returncode for kind in ("folders", "zip")] == [0, 0]
    for name in ("train/images.npy", "test/labels.npy", "test/samples.json"):
        assert (tmp_path / "folders" / "out" / name).read_bytes() == (tmp_path / "zip" / "out" / name).read_bytes()


def test_colours_and_other_sizes_are_brought_to_one_form(small: dict[str, bytes], tmp_path: Path) -> None:
    red = np.zeros((40, 30, 4), np.uint8) + np.array([255, 0, 0, 255], np.uint8)
    lay_out(tmp_path, {**small, "0/red.png": png(red)})

    assert process(tmp_path, size=16, channels=3).returncode == 0
    images = [np.load(tmp_path / "out" / name / "images.npy") for name in ("train", "validation", "test")]
    assert any((picture == [255, 0, 0]).all() for picture in np.concatenate(images))


def test_duplicates_count_once(small: dict[str, bytes], tmp_path: Path) -> None:
    name, content = next(iter(small.items()))
    lay_out(tmp_path, {**small, name.replace(".png", "-again.png"): content})

    assert "1 duplicates dropped" in process(tmp_path).stdout


def refusal(folder: Path, files: dict[str, bytes]) -> str:
    """Why the data is refused, as SageMaker shows it."""
    lay_out(folder, files)
    refused = process(folder)
    assert refused.returncode == 1, refused.stderr
    assert (folder / "message").read_text() in refused.stderr
    return (folder / "message").read_text()


def test_corrupt_pictures_are_named(small: dict[str, bytes], tmp_path: Path) -> None:
    broken = {"3/cut.png": small["0/0.png"][:60], "4/text.jpg": b"no picture"}
    message = refusal(tmp_path, {**small, **broken})

    assert "2 of 302 pictures can't be read" in message
    assert "3/cut.png" in message
    assert "4/text.jpg" in message


def test_a_picture_that_is_said_to_show_two_things_is_named(small: dict[str, bytes], tmp_path: Path) -> None:
    message = refusal(tmp_path, {**small, "1/same.png": small["0/0.png"]})

    assert "0/0.png and 1/same.png are the same picture in folders of two names" in message


def test_data_without_pictures_is_refused(tmp_path: Path) -> None:
    assert "no picture in the data, only ['table.csv']" in refusal(tmp_path, {"table.csv": b"a,b\n"})


def test_a_single_folder_is_refused(small: dict[str, bytes], tmp_path: Path) -> None:
    alone = {name: content for name, content in small.items() if name.startswith("0/")}

    assert "all pictures lie in folders named '0'" in refusal(tmp_path, alone)


def test_a_class_with_too_few_pictures_is_named(small: dict[str, bytes], tmp_path: Path) -> None:
    rare = {"rare/one.png": png(np.full((8, 8), 77, np.uint8))}

    assert "shows ['rare']" in refusal(tmp_path, {**small, **rare})


def test_a_broken_zip_file_is_named(small: dict[str, bytes], tmp_path: Path) -> None:
    assert "more.zip is no zip file" in refusal(tmp_path, {**small, "more.zip": b"PK"})


def test_an_archive_with_a_link_is_not_opened(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("model.onnx")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "out").symlink_to(finished / "out")
    refused = evaluate(tmp_path)

    assert refused.returncode == 1
    assert "a link or a path outside" in refused.stderr
