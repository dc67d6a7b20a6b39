"""Run the script of a processing job: what is at fault is told in one line, where SageMaker shows it."""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

MESSAGE_LIMIT = 1024  # characters of DescribeProcessingJob's ExitMessage


class JobError(ValueError):
    """Data or model can't be used as they are; the message says what was found and what to do."""


def run(work: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> None:
    """Do the work; exit 1 with one line when data or model are at fault. `arguments.message` names a file for it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        work(arguments)
    except JobError as error:
        if arguments.message:
            arguments.message.parent.mkdir(parents=True, exist_ok=True)
            arguments.message.write_text(f"{error}"[:MESSAGE_LIMIT], encoding="utf-8")
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")


def write_json(path: Path, content: object) -> None:
    """Write readable JSON, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
