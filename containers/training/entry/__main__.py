"""Run a training job under SageMaker's contract: `python -m entry train`.

Checks the hyperparameters, runs the training in processes of their own, completes the model's folder; writes
output/failure when something fails. Reads and writes below SAGEMAKER_BASE_DIR, by default /opt/ml.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html

exit status: 0 trained, or stopped as asked; 1 failed; 2 this is not `train`; what a training process ended with
"""

import logging
import signal
import sys
from pathlib import Path

from entry import failure, model, processes
from entry.job import Job, base_folder
from entry.parameters import read_hyperparameters

logger = logging.getLogger("entry")


def main() -> int:
    """Run the job; returns the exit status."""
    # Until there are processes to hand it to, SIGTERM waits: unblocked, a container's first process would ignore it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if sys.argv[1:] != ["train"]:
        logger.error("This image trains: start it with `train`, not %s.", sys.argv[1:])
        return 2
    base = base_folder()
    output = base / "output"
    failure.reserve(output)
    failed = run(base)
    if failed:
        failure.write(output, failed.reason)
        return failed.code
    failure.release(output)
    return 0


def run(base: Path) -> processes.Failure | None:
    """Train to the end; returns why it failed."""
    try:
        job = Job.read(base)
        read_hyperparameters(base)  # what is wrong with them is told before anything starts
        failed = processes.run(processes.places(job))
        if not failed:
            model.complete(job)
    except Exception as error:
        return processes.Failure(1, failure.tell(error))
    return failed


if __name__ == "__main__":
    sys.exit(main())
