"""One process of a training: runs the script's `train(hyperparameters, job)`. `python -m entry.worker PIPE`

PIPE is the number of the file descriptor that takes the reason of a failure.
"""

import atexit
import faulthandler
import logging
import os
import signal
import sys
from importlib import import_module

from entry.failure import tell
from entry.job import Job, base_folder
from entry.parameters import read_hyperparameters


def main() -> int:
    """Train; returns the exit status."""
    job, pipe = Job.read(base_folder()), int(sys.argv[1])
    signal.signal(signal.SIGTERM, job.stop.ask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.set_inheritable(pipe, False)
    faulthandler.enable()  # a crash in native code leaves at least the line of Python in the log
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        # Imported here: the signal is handled by now, and an import that fails is told as well.
        import_module("train").train(read_hyperparameters(job.base), job)
    except Exception as error:
        os.write(pipe, tell(error).encode("utf-8", "replace"))
        return 1
    return 0


def leave(ended: list[int]) -> None:
    """End the process here, if training has ended: what native libraries keep can abort an interpreter's teardown."""
    if ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended[0])


if __name__ == "__main__":
    status: list[int] = []
    atexit.register(leave, status)  # what is registered first is called last
    status.append(main())
