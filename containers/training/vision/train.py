"""Train a network on images with PyTorch, on a CPU, CUDA or Trainium: what containers/training/entry starts.

Reads the channels `train` and `validation` (images.npy, labels.npy) and `metadata` (features.json). Writes
model/model.safetensors, and model/model.onnx, which is what is evaluated and served. Takes up its checkpoint, if any.
"""

import json

import torch
from data import Images, read
from entry import Job, TrainingError
from hyperparameters import Hyperparameters
from network import Network
from pytorch.checkpoint import Weights
from pytorch.place import taken
from pytorch.task import Task
from pytorch.training import Training


def train(hyperparameters: Hyperparameters, job: Job) -> None:
    """Train, and let the first process write the model after the best epoch."""
    classes = read_classes(job)
    images, validation = (read(job, channel, len(classes)) for channel in ("train", "validation"))
    refuse_different(images, validation)
    decisive = [job.channel("metadata") / name for name in ("data.json", "features.json")]

    def save(best: Weights) -> None:
        network = make_network(hyperparameters, images, len(classes))
        network.load_state_dict(best)
        from export import export  # noqa: PLC0415  # a job that fails has no use for ONNX

        export(network.eval(), validation.pixels[:1000], job.model)

    with taken() as place:
        network = make_network(hyperparameters, images, len(classes))
        training = Training(hyperparameters, job, place, Task(network, images, validation, "images", decisive))
        training.run()
        training.finish(save)


def read_classes(job: Job) -> list[str]:
    """Names of the classes, in the order of their numbers."""
    path = job.files("metadata", "features.json")[0]
    classes: list[str] = json.loads(path.read_text(encoding="utf-8"))["target"]["classes"]
    return classes


def refuse_different(train: Images, validation: Images) -> None:
    """Raise TrainingError when the channels don't go together."""
    shapes = [list(images.pixels.shape[1:]) for images in (train, validation)]
    if shapes[0] != shapes[1]:
        raise TrainingError(
            f"Channel train has images of {shapes[0]}, validation of {shapes[1]}. Make both by one run of process.py."
        )


def make_network(given: Hyperparameters, images: Images, classes: int) -> Network:
    """Return a network whose first weights the seed decides."""
    torch.use_deterministic_algorithms(given.deterministic)
    torch.manual_seed(given.seed)
    return Network(images.pixels.shape[3], classes, given.width)
