"""The failure file, whose text DescribeTrainingJob shows as FailureReason."""

import logging
import traceback
from pathlib import Path

from entry.errors import TrainingError

logger = logging.getLogger("entry")

LIMIT = 1024  # characters that SageMaker shows
ROOM = 4 * LIMIT  # bytes that they may take in UTF-8


def tell(error: Exception) -> str:
    """Log an error and return what of it SageMaker shows: an expected one's message, another's traceback at its end."""
    expected = isinstance(error, TrainingError)
    text = str(error) if expected else "".join(traceback.format_exception(error)).rstrip()
    logger.error("%s", text)
    return text[:LIMIT] if expected else text[-LIMIT:]


def reserve(output: Path) -> None:
    """Take the file's room while there is some: a full disk is one of the reasons to tell."""
    output.mkdir(parents=True, exist_ok=True)
    _reserved(output).write_bytes(bytes(ROOM))


def write(output: Path, text: str) -> None:
    """Write the reason into the reserved room, and give the file its name."""
    with _reserved(output).open("r+b") as file:
        file.write(text[:LIMIT].encode("utf-8", "replace"))
        file.truncate()
    _reserved(output).replace(output / "failure")


def release(output: Path) -> None:
    """Remove what was reserved: a failure file would make SageMaker tell a reason."""
    _reserved(output).unlink(missing_ok=True)


def _reserved(output: Path) -> Path:
    return output / ".failure"
