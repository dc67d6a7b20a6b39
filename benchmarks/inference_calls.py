"""Time what a server computes for a request, without a server: `inference_calls.py container|classic MODEL BODY...`.

Prints JSON: microseconds for each body and, for the container, the number of rows from which native XGBoost is faster
than ONNX Runtime. Runs in the environment of the server, whose modules are on PYTHONPATH.
"""

import importlib
import json
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 0.2  # of one timing
REPEATS = 5
ROWS = range(25, 301, 25)


def main() -> None:
    """Time the calls of one stack."""
    stack, model, *bodies = sys.argv[1:]
    call = STACKS[stack](Path(model))
    found: dict[str, Any] = {"calls": [microseconds(call, Path(body).read_bytes()) for body in bodies]}
    if stack == "container":
        found["crossover"] = crossover(Path(model))
    sys.stdout.write(json.dumps(found))


def container(model: Path) -> Callable[[bytes], object]:
    """The container's own functions, from body to body."""
    handler = importlib.import_module("server.handler").Handler(model, {})

    def call(body: bytes) -> object:
        return handler.encode(handler.predict(handler.decode(body, "text/csv"), handler.model), "text/csv")

    return call


def classic(_: Path) -> Callable[[bytes], object]:
    """The classic server's, which reads the model's folder from the environment."""
    call: Callable[[bytes], object] = importlib.import_module("classic_server").answer
    return call


STACKS = {"container": container, "classic": classic}


def microseconds(call: Callable[..., object], *arguments: Any) -> float:
    """The best of several timings of one call: what disturbs only adds."""
    timer = timeit.Timer(lambda: call(*arguments))
    number = max(1, int(SECONDS / max(timer.timeit(3) / 3, 1e-9)))
    return min(timer.repeat(REPEATS, number)) / number * 1e6


def crossover(folder: Path) -> int:
    """Rows from which native XGBoost is the faster."""
    import numpy as np  # noqa: PLC0415  # only the container's environment is sure to have it

    module: Any = importlib.import_module("model")
    schema = importlib.import_module("schema").Schema(folder / "features.json")
    model = module.Model(folder, schema)
    for count in ROWS:
        rows = np.random.default_rng(0).normal(size=(count, *schema.shape)).astype(np.float32)
        module.ONNX_ROWS = count
        onnx = microseconds(model.predict, rows)
        module.ONNX_ROWS = 0
        if microseconds(model.predict, rows) < onnx:
            return count
    return ROWS.stop


if __name__ == "__main__":
    main()
