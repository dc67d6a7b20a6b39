"""Makes a small model of images, as training leaves it, and the images and predictions that belong to it."""

import base64
import hashlib
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

CLASSES = ["cat", "dog", "owl"]
HEIGHT, WIDTH = 6, 5


def weights(channels: int) -> Any:
    drawn = np.random.default_rng(5).normal(size=(HEIGHT * WIDTH * channels, len(CLASSES)))
    return (drawn - drawn.mean(axis=0)).astype(np.float32)  # so that no class wins by brightness alone


def expected(pixels: npt.NDArray[np.uint8]) -> Any:
    """What the model gives for pixels: the same in NumPy."""
    logits = pixels.reshape(len(pixels), -1) / 255.0 @ weights(pixels.shape[-1])
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def network(channels: int) -> onnx.ModelProto:
    """Pixels scaled, one layer, softmax."""
    nodes = [
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["numbers", "white"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    constants = [
        numpy_helper.from_array(np.float32(255).reshape(()), "white"),
        numpy_helper.from_array(weights(channels), "weights"),
    ]
    taken = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", HEIGHT, WIDTH, channels])
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(CLASSES)])
    graph = helper.make_graph(nodes, "small", [taken], [given], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def features(channels: int = 1) -> dict[str, Any]:
    column = {"name": "image", "kind": "image", "height": HEIGHT, "width": WIDTH, "channels": channels}
    target = {"name": "class", "classes": CLASSES}
    kind = {"version": 1, "problem_type": "multiclass_classification"}
    return {**kind, "target": target, "columns": [column], "features": ["image"]}


def model_files(channels: int = 1) -> dict[str, bytes]:
    """Files of the model's archive, by name, save the manifest."""
    return {
        "model.onnx": network(channels).SerializeToString(),
        "model.safetensors": struct.pack("<Q", 2) + b"{}",
        "features.json": json.dumps(features(channels)).encode(),
    }


def write_model(folder: Path, files: dict[str, bytes]) -> Path:
    """Write a model's folder with its manifest."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": digests}))
    return folder


def pictures(count: int, channels: int = 1) -> npt.NDArray[np.uint8]:
    """Pixels of images in the model's own size."""
    return np.random.default_rng(6).integers(0, 256, (count, HEIGHT, WIDTH, channels), np.uint8)


def as_image(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels.squeeze(axis=-1) if pixels.shape[-1] == 1 else pixels)


def as_file(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def as_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def records(pixels: npt.NDArray[np.uint8]) -> list[dict[str, str]]:
    """Images as a client sends them."""
    return [{"image": as_text(as_file(as_image(each)))} for each in pixels]
