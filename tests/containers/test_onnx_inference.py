"""The inference container for models of images answers as its model predicts, and says what is wrong."""

import io
import json
import pickle
import resource
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_models import (
    CLASSES,
    HEIGHT,
    WIDTH,
    as_file,
    as_image,
    as_text,
    expected,
    features,
    model_files,
    pictures,
    records,
    write_model,
)
from PIL import Image
from serving import CONTAINERS, Answer, Server, run_server, with_inference

CONTAINER = CONTAINERS / "onnx"
JSON, LINES, CSV, NPY, PNG, JPEG = (
    *("application/json", "application/jsonlines", "text/csv", "application/x-npy"),
    *("image/png", "image/jpeg"),
)
GOOD = records(pictures(1))[0]["image"]


COLUMN = features()["columns"][0]


def with_features(**changes: Any) -> dict[str, bytes]:
    return {**model_files(), "features.json": json.dumps({**features(), **changes}).encode()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(write_model(tmp_path_factory.mktemp("gray") / "model", model_files()), CONTAINER) as running:
        yield running


@pytest.fixture(scope="module")
def color_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(write_model(tmp_path_factory.mktemp("color") / "model", model_files(3)), CONTAINER) as running:
        yield running


def as_npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


BODIES: dict[str, Callable[[Any], tuple[str, Any]]] = {
    "objects": lambda pixels: (JSON, json.dumps({"instances": records(pixels)})),
    "arrays": lambda pixels: (JSON, json.dumps({"instances": [[each["image"]] for each in records(pixels)]})),
    "lines": lambda pixels: (LINES, "".join(f"{json.dumps(each)}\n" for each in records(pixels))),
    "csv": lambda pixels: (CSV, "".join(f"{each['image']}\n" for each in records(pixels))),
    "npy": lambda pixels: (NPY, as_npy(pixels)),
}


def scores(answer: Answer) -> Any:
    """Scores of an answer of any type."""
    assert answer.status == 200, answer.body
    if answer.content_type == NPY:
        return np.load(io.BytesIO(answer.body))
    if answer.content_type == CSV:
        return [[float(value) for value in line.split(",")] for line in answer.body.decode().splitlines()]
    if answer.content_type == LINES:
        return [json.loads(line)["scores"] for line in answer.body.splitlines()]
    return [prediction["scores"] for prediction in answer.json()["predictions"]]


# One image, a few, and more than are scored at a time.
@pytest.mark.parametrize("count", [1, 3, 70])
@pytest.mark.parametrize("form", BODIES)
def test_scores_are_those_of_the_model_in_the_requests_own_form(form: str, count: int, server: Server) -> None:
    content_type, body = BODIES[form](pictures(count))

    answer = server.invoke(body, content_type)

    assert answer.content_type == content_type
    assert np.asarray(scores(answer)) == pytest.approx(expected(pictures(count)), abs=1e-6)


@pytest.mark.parametrize("form", BODIES)
def test_colours_are_scored_by_a_model_of_colours(form: str, color_server: Server) -> None:
    content_type, body = BODIES[form](pictures(2, channels=3))

    found = scores(color_server.invoke(body, content_type))

    assert np.asarray(found) == pytest.approx(expected(pictures(2, channels=3)), abs=1e-6)


@pytest.mark.parametrize(("content_type", "form"), [(PNG, "PNG"), (JPEG, "JPEG")])
def test_a_body_may_be_one_file(content_type: str, form: str, server: Server) -> None:
    content = as_file(as_image(pictures(1)[0]), form)
    pixels = np.asarray(Image.open(io.BytesIO(content)))[None, :, :, None]

    answer = server.invoke(content, content_type)

    assert answer.content_type == JSON
    assert scores(answer) == [pytest.approx(expected(pixels)[0], abs=1e-6)]


def test_one_record_needs_no_instances(server: Server) -> None:
    answers = [server.invoke(json.dumps(body), JSON) for body in ({"image": GOOD}, [GOOD])]

    assert len(answers[0].json()["predictions"]) == 1
    assert answers[0].body == answers[1].body


def test_a_prediction_names_the_likeliest_class_its_score_and_all_scores(server: Server) -> None:
    answer = server.invoke(json.dumps({"instances": records(pictures(20))}), JSON)

    wanted = expected(pictures(20))
    for found, row in zip(answer.json()["predictions"], wanted, strict=True):
        assert found["predicted_label"] == CLASSES[row.argmax()]
        assert found["score"] == max(found["scores"]) == pytest.approx(row.max(), abs=1e-6)
    assert len(set(wanted.argmax(axis=1))) > 1


def test_an_array_is_answered_by_32_bit_floats_where_asked(server: Server) -> None:
    answer = server.invoke(GOOD, CSV, NPY)

    assert scores(answer).dtype == np.float32
    assert scores(answer).shape == (1, len(CLASSES))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (64, 48), (2, 3)])
def test_other_modes_and_sizes_are_converted_as_in_training(
    mode: str, size: tuple[int, int], server: Server, color_server: Server
) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (size[1], size[0], 3), np.uint8)
    form = "JPEG" if mode == "CMYK" else "PNG"  # PNG has no CMYK
    content = as_file(Image.fromarray(pixels).convert(mode), form)

    for running, training_mode, channels in ((server, "L", 1), (color_server, "RGB", 3)):
        image = (
            Image.open(io.BytesIO(content)).convert(training_mode).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        )
        wanted = expected(np.asarray(image).reshape(1, HEIGHT, WIDTH, channels))
        assert scores(running.invoke(content, f"image/{form.lower()}")) == [pytest.approx(wanted[0], abs=1e-6)]


def bomb(side: int) -> bytes:
    """A small PNG file of side * side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 2) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def instances(*values: Any) -> str:
    return json.dumps({"instances": [{"image": value} for value in values]})


FILE = as_file(as_image(pictures(1)[0]))
LARGE = as_file(Image.fromarray(np.random.default_rng(9).integers(0, 256, (64, 64), np.uint8)), "JPEG")
GIF = as_file(as_image(pictures(1)[0]), "GIF")
REFUSALS = [
    (JSON, instances(GOOD, as_text(b"no image")), "row 2, column 'image': the value is no PNG or JPEG file"),
    (JSON, instances(GOOD, as_text(FILE[:60])), "row 2, column 'image': the value is a damaged image"),
    (JSON, instances(as_text(FILE[:45] + b"xyz" + FILE[48:])), "row 1, column 'image': the value is a damaged image"),
    (JSON, instances(as_text(LARGE[:-400])), "row 1, column 'image': the value is a damaged image"),
    (JSON, instances(as_text(GIF)), "row 1, column 'image': the value is no PNG or JPEG file"),
    (JSON, instances(as_text(bomb(5_100))), "row 1, column 'image': the value has more than 25000000 pixels"),
    (JSON, instances(as_text(bomb(16_000))), "row 1, column 'image': the value has more than 25000000 pixels"),
    (JSON, instances("no base64!"), "row 1, column 'image': 'no base64!' is not base64"),
    (JSON, instances(GOOD, None), "row 2, column 'image': None is not base64"),
    (JSON, instances(7), "row 1, column 'image': 7 is not base64"),
    (JSON, instances("é"), "row 1, column 'image': 'é' is not base64"),
    (JSON, instances(""), "row 1, column 'image': the value is no PNG or JPEG file"),
    (JSON, json.dumps({"instances": [{"picture": GOOD}]}), "row 1, columns: unknown 'picture'; missing 'image'"),
    (JSON, json.dumps([GOOD, GOOD]), "row 1 has 2 values, but the model takes 1: image"),
    (LINES, f'{{"image": "{GOOD}"}}\n{{"image"', "row 2 is not JSON"),
    (CSV, f"{GOOD}\n{GOOD},{GOOD}\n", "row 2 has 2 values, but the model takes 1: image"),
    (CSV, f"image\n{GOOD}\n", "row 1 is a header"),
    (PNG, b"", "the body is empty"),
    (PNG, FILE[:-30], "row 1, column 'image': the value is a damaged image"),
    (JPEG, b"no image", "row 1, column 'image': the value is no PNG or JPEG file"),
    (NPY, as_npy(pictures(1)[0]), "of type uint8 and shape [6, 5, 1]. Send uint8 of shape [images, 6, 5, 1]"),
    (NPY, as_npy(pictures(1).astype(np.float32)), "of type float32 and shape [1, 6, 5, 1]. Send uint8"),
    (NPY, as_npy(pictures(1, 3)), "of type uint8 and shape [1, 6, 5, 3]. Send uint8"),
    (NPY, pickle.dumps([1, 2]), "not in NumPy's npy format"),
]


@pytest.mark.parametrize(("content_type", "body", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_bad_image_is_answered_by_400_and_the_place(
    content_type: str, body: Any, message: str, server: Server
) -> None:
    answer = server.invoke(body, content_type)

    assert (answer.status, answer.content_type) == (400, JSON), answer.body
    assert message in answer.error
    assert len(answer.error) < 400


def test_the_largest_image_that_is_let_through_is_scored(server: Server) -> None:
    assert server.invoke(bomb(5_000), PNG).status == 200


def test_a_long_image_is_no_trouble_in_csv(server: Server) -> None:
    noise = np.random.default_rng(9).integers(0, 256, (500, 400), np.uint8)
    text = as_text(as_file(Image.fromarray(noise)))

    assert len(text) > 200_000
    assert len(scores(server.invoke(f"{text}\n", CSV))) == 1


def test_images_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    """Small files that ask for large images."""
    files = with_features(columns=[{**COLUMN, "height": 4096, "width": 8192}])
    own = "def model_fn(model_dir): pass\ndef predict_fn(data, model): return [[1, 0, 0]] * len(data)\n"
    container = with_inference(tmp_path / "program", own, CONTAINER)
    with Server(write_model(tmp_path / "model", files), container) as server:
        one, nine = (server.invoke(instances(*[GOOD] * count), JSON) for count in (1, 9))

    assert one.status == 200
    assert nine.status == 413
    assert "9 images make" in nine.error


@pytest.mark.parametrize("content_type", ["", "image/gif", "application/x-pickle"])
def test_an_unknown_content_type_is_answered_by_415_and_the_known_ones(content_type: str, server: Server) -> None:
    answer = server.invoke("1", content_type)

    assert answer.status == 415
    assert "application/x-npy, image/png, image/jpeg" in answer.error


def test_batch_transform_gets_one_ended_line_an_image(server: Server) -> None:
    assert server.invoke(FILE, PNG, LINES).body.count(b"\n") == 1
    content_type, body = BODIES["lines"](pictures(3))
    parts = [server.invoke(line, content_type).body for line in body.splitlines()]
    assert server.invoke(body, content_type).body == b"".join(parts)
    assert server.invoke(FILE, PNG, CSV).body.count(b"\n") == 1


def test_an_image_is_no_answer(server: Server) -> None:
    assert server.invoke(FILE, PNG, PNG).status == 406
    assert server.invoke(FILE, PNG, f"{PNG}, */*;q=0.1").content_type == JSON


def test_ping_and_execution_parameters(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200
    assert server.request("GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


UNFIT: dict[str, tuple[dict[str, bytes], str]] = {
    "other size": (with_features(columns=[{**COLUMN, "height": 9}]), "does not take uint8 of shape [images, 9, 5, 1]"),
    "other classes": (
        with_features(target={"name": "class", "classes": ["a", "b"]}),
        "gives 3 scores an image, but features.json asks for 2",
    ),
    "a table": (with_features(columns=[{"name": "age", "kind": "numeric"}]), "lists age (numeric)"),
    "two images": (with_features(columns=[COLUMN, {**COLUMN, "name": "back"}]), "lists image (image), back (image)"),
    "no ONNX": ({**with_features(), "model.onnx": b"no network"}, "model.onnx is no model for ONNX Runtime"),
    "a pickle": ({**with_features(), "model.pt": pickle.dumps([1])}, "holds model.pt, which is never loaded"),
    "weights alone": (
        {name: content for name, content in model_files().items() if name != "model.onnx"},
        "there is no",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_model_that_cannot_be_served_ends_the_start_in_one_line(case: str, tmp_path: Path) -> None:
    files, message = UNFIT[case]
    write_model(tmp_path / "model", files)

    ended = run_server(tmp_path, container=CONTAINER)

    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_changed_model_is_refused(tmp_path: Path) -> None:
    (write_model(tmp_path / "model", model_files()) / "model.onnx").write_bytes(b"x")

    assert "is not the file whose SHA" in run_server(tmp_path, container=CONTAINER).stderr


def test_it_writes_no_file_and_loads_nothing_that_trains(tmp_path: Path) -> None:
    own = "import sys\n\n\ndef output_fn(prediction, accept):\n    return ' '.join(sys.modules)\n"
    container = with_inference(tmp_path / "program", own, CONTAINER)
    model = write_model(tmp_path / "model", model_files())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        server = Server(model, container)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with server:
        loaded = set(server.invoke(FILE, PNG).body.decode().split())

    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "pandas", "sklearn", "scipy", "xgboost", "onnx"}
