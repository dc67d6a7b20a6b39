"""Write a network's weights, and as ONNX what is served, once ONNX Runtime is seen to predict what PyTorch predicts."""

import logging
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from entry import TrainingError
from pytorch.checkpoint import on_cpu, write
from torch import Tensor, nn

logger = logging.getLogger("train")

TOLERANCE = 1e-4  # of a probability
BATCH = 100  # images that are compared at once


class Served(nn.Module):
    """What a server runs: images as they are stored to a probability for each class."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Uint8 [n, height, width, channels] to float [n, classes]."""
        return torch.softmax(self.network(image), dim=1)


def export(network: nn.Module, images: npt.NDArray[np.uint8], folder: Path) -> None:
    """Write model.safetensors and model.onnx; raises TrainingError when the two differ on the images."""
    served = Served(network).eval()
    model = convert(served, torch.from_numpy(images[:2].copy()))
    difference = prove(served, model, images)
    write(folder / "model.safetensors", on_cpu(network.state_dict()), {})
    partial = folder / ".model.onnx"
    partial.write_bytes(model)
    partial.replace(folder / "model.onnx")
    logger.info("model.onnx predicts like PyTorch: %d images differ by at most %.1e", len(images), difference)


def convert(served: nn.Module, example: Tensor) -> bytes:
    """Return an ONNX model that takes any number of images."""
    for chatty in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            served,
            (example,),
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_shapes={"image": {0: torch.export.Dim("n")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101  # None is for the exporter's older way
    content: bytes = program.model_proto.SerializeToString()
    return content


@torch.no_grad()
def prove(served: nn.Module, model: bytes, images: npt.NDArray[np.uint8]) -> float:
    """Return the largest difference between the two's probabilities; TrainingError above TOLERANCE."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    difference = 0.0
    for start in range(0, len(images), BATCH):
        some = images[start : start + BATCH].copy()
        found = session.run(["probabilities"], {"image": some})[0]
        difference = max(difference, float(np.abs(found - served(torch.from_numpy(some)).numpy()).max()))
    # Written so that NaN, which is neither above nor below, fails.
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"ONNX Runtime's probabilities differ from PyTorch's by {difference:.1e}, more than {TOLERANCE}. "
            "Look in network.py for what ONNX can't express."
        )
    return difference
