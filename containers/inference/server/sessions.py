"""ONNX Runtime, as the images use it."""

from pathlib import Path

import onnxruntime as ort

from server.errors import StartError, first_line


def open_session(path: Path) -> ort.InferenceSession:
    """Open an ONNX model for one thread: each of the server's processes has a CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no other base
        raise StartError(f"{path} is no model for ONNX Runtime {ort.__version__}: {first_line(error)}") from error
