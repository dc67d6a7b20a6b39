"""See whether this image trains on its accelerator, on made-up pictures: `python smoke.py`.

What a picture shows is its brightest quarter. The log names the device; a model that fails to learn that ends with 1.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

SIZE, CLASSES = 16, 4
COUNTS = {"train": 1024, "validation": 256}


def main() -> int:
    """Train, then ask the model about pictures that it has not seen; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        lay_out(base)
        environment = {**os.environ, "SAGEMAKER_BASE_DIR": folder}
        trained = subprocess.run([sys.executable, "-m", "entry", "train"], env=environment, check=False).returncode
        if trained:
            return trained
        right = ask(base / "model" / "model.onnx")
    sys.stdout.write(f"{right:.0%} of unseen pictures are told rightly\n")
    return int(right < 0.9)


def lay_out(base: Path) -> None:
    """Fill the channels and settings of a training job."""
    for seed, (name, count) in enumerate(COUNTS.items()):
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        images, labels = pictures(count, seed)
        np.save(folder / "images.npy", images)
        np.save(folder / "labels.npy", labels)
    write(base / "input" / "data" / "metadata" / "features.json", {"target": {"classes": list("abcd")}})
    write(base / "input" / "config" / "hyperparameters.json", {"epochs": "4", "batch_size": "64", "width": "8"})


def pictures(count: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Noise, uint8 [count, SIZE, SIZE, 1], of which one quarter is brighter, and that quarter's number."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    images = random.integers(0, 150, (count, SIZE, SIZE, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[row * SIZE // 2 : (row + 1) * SIZE // 2, column * SIZE // 2 : (column + 1) * SIZE // 2] += 100
    return images, labels


def write(path: Path, content: object) -> None:
    """Write JSON, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def ask(model: Path) -> float:
    """Share of new pictures of which the model tells the class."""
    images, labels = pictures(256, len(COUNTS))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return float(np.mean(session.run(None, {"image": images})[0].argmax(1) == labels))


if __name__ == "__main__":
    sys.exit(main())
