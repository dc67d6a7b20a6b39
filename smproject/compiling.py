"""Program that compiles pipelines: reads a list of orders from stdin, writes the list of their results to stdout.

An order is {"folder": ..., "pipeline": ..., "environment": {...}}, its result {"definition": ...} or {"error": ...}.
The SDK is imported once, which takes longest; each pipeline then has a process of its own, as in its repository.
"""

import functools
import gc
import io
import json
import logging
import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import botocore.session


def main() -> None:
    """Carry out the orders."""
    orders = json.load(sys.stdin)
    gc.disable()  # of the modules that stay, nothing is to be collected
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema's IRIs: a second that no pipeline needs
    # AWS's models are read once, not by each of a pipeline's sessions: that takes longer than all else it does.
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    import sagemaker.mlops.workflow.pipeline  # noqa: F401, PLC0415  # type: ignore[import-untyped,unused-ignore]

    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        results = pool.map(_carry_out, orders, chunksize=1)
    # Not before: the pool forks once more for each that ends, and what a fork finds half-written it writes as well.
    json.dump(results, sys.stdout)


def _carry_out(order: Mapping[str, Any]) -> dict[str, Any]:
    """Run `python -m pipelines.run print --imaginary` in the order's folder."""
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.path.insert(0, order["folder"])
    sys.argv = ["pipelines.run", "print", "--imaginary", "--pipeline", order["pipeline"]]
    logging.root.handlers.clear()  # the SDK's, in whose place the pipeline's program sets its own
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as told:
        error = _run()
    if error is None:
        return {"definition": json.loads(printed.getvalue())}
    lines = [*told.getvalue().splitlines(), *error.splitlines()]
    return {"error": next((line for line in reversed(lines) if line.strip()), "ends badly, and says not why")}


def _run() -> str | None:
    """Run the pipelines' program; returns None, or what it says last when it ends badly."""
    try:
        runpy.run_module("pipelines.run", run_name="__main__", alter_sys=True)
    except SystemExit as exited:
        if exited.code:
            return "" if isinstance(exited.code, int) else str(exited.code)
    except Exception as error:  # whatever a pipeline raises is what is to be told
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    main()
