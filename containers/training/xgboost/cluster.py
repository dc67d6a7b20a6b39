"""Training on several instances, each on its share of the rows, by XGBoost's own collective communication.

https://xgboost.readthedocs.io/en/stable/python/python_api.html#module-xgboost.collective
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from xgboost import collective
from xgboost.tracker import RabitTracker

# XGBoost waits longer after each try, in all about four minutes: instances don't start at the same moment.
TRIES = 15


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the job's processes until the end of the block; the entry tells their number and this one's place."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if world == 1:
        yield
        return
    address, port = socket.gethostbyname(os.environ["MASTER_ADDR"]), int(os.environ["MASTER_PORT"])
    tracker = start_tracker(world, address, port) if rank == 0 else None
    with collective.CommunicatorContext(
        dmlc_tracker_uri=address, dmlc_tracker_port=port, dmlc_task_id=str(rank), dmlc_retry=TRIES
    ):
        yield
    if tracker:
        tracker.wait_for()


def start_tracker(world: int, address: str, port: int) -> RabitTracker:
    """Start what brings the processes together, and numbers them by their task ids."""
    tracker = RabitTracker(world, address, port, sortby="task")
    tracker.start()
    return tracker


def is_first() -> bool:
    """Tell whether this process speaks for all: it logs, and saves the model."""
    return collective.get_rank() == 0


def any_of(flag: bool) -> bool:
    """Tell whether the flag is up in any process: all must end in the same round."""
    if not collective.is_distributed():
        return flag
    return bool(collective.allreduce(np.array([int(flag)]), collective.Op.MAX)[0])
