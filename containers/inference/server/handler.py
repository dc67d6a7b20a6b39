"""What happens to a request: input_fn, predict_fn, output_fn on the model of model_fn, each yours or the default.

Put an `inference.py` beside the image's Dockerfile to replace any of them; it becomes part of the image, as reviewed
code should, and is never read from the model's archive. It is imported once, before the workers part.

    model_fn(model_dir: str) -> model                once in each worker
    input_fn(body: bytes, content_type: str) -> data ValueError is answered by 400 and its message
    predict_fn(data, model) -> prediction
    output_fn(prediction, accept: str) -> bytes or str of the type `accept`, or (body, content type)

Default data are what the image's `Schema` makes of a body; the default prediction is float32 [records], or
[records, classes] of a model of several classes, or a list of texts of a language model. Functions of your own run in a
thread, one request at a time a worker, so they may take their time and need no locks.
"""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from model import Model
from schema import Schema

from server import formats, media
from server.errors import RequestError, StartError

logger = logging.getLogger("serve")

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn")


def own_functions() -> dict[str, Callable[..., Any]]:
    """Functions of the user's inference.py, by name; none when there is no such file."""
    if not Path(inspect.getfile(Schema)).with_name("inference.py").exists():
        return {}
    try:
        module: ModuleType = importlib.import_module("inference")
    except Exception as error:
        where = f"{type(error).__name__}: {error}"
        raise StartError(f"inference.py does not import: {where}. Correct it and build the image again.") from error
    found = {name: getattr(module, name) for name in FUNCTIONS if hasattr(module, name)}
    if not found:
        raise StartError(
            f"inference.py defines none of {', '.join(FUNCTIONS)}. Name a function so, or delete the file."
        )
    return found


class Handler:
    """Answers the bodies of requests."""

    def __init__(self, folder: Path, own: dict[str, Callable[..., Any]]) -> None:
        self.schema = Schema(folder / "features.json")
        self.own = own
        self.model = self.load(folder)
        # One thread: predictions of one worker would only contend for its one CPU.
        self.thread = ThreadPoolExecutor(1)

    def load(self, folder: Path) -> Any:
        """The model, the user's or the default."""
        if "model_fn" not in self.own:
            return Model(folder, self.schema)
        try:
            return self.own["model_fn"](str(folder))
        except Exception as error:
            raise StartError(f"model_fn of inference.py failed: {type(error).__name__}: {error}") from error

    async def answer(self, body: bytes, content_type: str, accept: str) -> tuple[str, bytes]:
        """Content type and body of the answer."""
        wanted = self.wanted(accept, content_type)
        small = len(body) <= self.schema.quick_bytes
        data = await self.call("input_fn", small, self.decode, body, content_type)
        quick = "model_fn" not in self.own and "input_fn" not in self.own and self.model.is_quick(data)
        prediction = await self.call("predict_fn", quick, self.predict, data, self.model)
        encoded = await self.call("output_fn", small, self.encode, prediction, wanted)
        content, kind = encoded if isinstance(encoded, tuple) else (encoded, wanted)
        return kind, content.encode() if isinstance(content, str) else content

    async def call(self, name: str, quick: bool, default: Callable[..., Any], *arguments: Any) -> Any:
        """Call the user's function or the default; what may take long, in the thread."""
        if quick and name not in self.own:
            return default(*arguments)
        function = self.own.get(name, default)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, function, *arguments)
        except ValueError as error:
            if name != "input_fn" or name not in self.own:
                raise
            raise RequestError(400, str(error)) from error

    def wanted(self, accept: str, content_type: str) -> str:
        """Type of the answer; an output_fn of one's own may make types that the server does not know."""
        try:
            return media.negotiate(accept, content_type, self.schema.answers.formats)
        except RequestError:
            if "output_fn" not in self.own:
                raise
            return accept

    def decode(self, body: bytes, content_type: str) -> Any:
        """Default input_fn."""
        return formats.decode(body, content_type, self.schema)

    def predict(self, data: Any, model: Any) -> Any:
        """Default predict_fn."""
        return model.predict(data)

    def encode(self, prediction: Any, accept: str) -> bytes:
        """Default output_fn."""
        return self.schema.answers.encode(prediction, accept)
