"""What the renders of all modes share: how they end, what they check, and what they tell the pipeline."""

import json
import logging
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.deploy.realtime import evaluation
from pipelines.deploy.realtime.archive import LIMIT, check_archive
from pipelines.deploy.realtime.errors import DeployError
from pipelines.deploy.realtime.golden import Column, Golden
from pipelines.deploy.realtime.history import digest_in_production
from pipelines.deploy.realtime.images import check_image
from pipelines.deploy.realtime.registry import Package
from pipelines.deploy.realtime.storage import download, read_json
from pipelines.variables import SettingsError

logger = logging.getLogger("render")

FOLDER = Path("deployment")
EXPORTS = Path("deployment.env")
LONGEST = 500  # characters of a value, short enough for a CodePipeline variable

Exports = dict[str, str]


def run(render: Callable[[Path], Exports]) -> int:
    """Render into the folder deployment/, and write what the build exports; returns the exit status.

    0 when it is rendered, 1 when a check failed or AWS refused a request, 2 when a variable is missing or ill-formed.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    try:
        exports = render(FOLDER)
    except (SettingsError, DeployError, ClientError, BotoCoreError) as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        write_exports(nothing(str(error)))
        return 2 if isinstance(error, SettingsError) else 1
    logger.info("%s", exports["RENDER_RESULT"])
    write_exports(exports)
    return 0


def describe(package: Package, s3: Any, session: Any, region: str) -> Exports:
    """What the person who approves is shown."""
    partition = session.get_partition_for_region(region)
    return {
        "MODEL_PACKAGE_ARN": package.arn,
        "MODEL_SUMMARY": evaluation.summary(read_json(s3, package.evaluation_uri), package.evaluation_uri),
        "REPORT_URL": evaluation.report_link(package.report_uri, region, partition),
    }


def nothing(reason: str) -> Exports:
    """Exports when nothing is to be deployed."""
    empty = dict.fromkeys(("MODEL_PACKAGE_ARN", "MODEL_SUMMARY", "REPORT_URL", "RENDER_DIGEST"), "none")
    return {**empty, "DEPLOY": "no", "RENDER_RESULT": reason}


def is_deployed(session: Any, pipeline: str, digest: str) -> bool:
    """Whether production runs this rendering.

    An execution that still waits for its approval does not count: this one may overtake it, and must then deploy.
    """
    return digest_in_production(session.client("codepipeline"), pipeline) == digest


def check(package: Package, golden: Golden, s3: Any, session: Any) -> None:
    """Check image, archive and golden predictions; DeployError says what is wrong."""
    check_image(package.image, session.client)
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "model.tar.gz"
        download(s3, package.model_uri, archive, LIMIT)
        features = check_archive(archive, package.model_sha256)
    if [Column.model_validate(column) for column in features["columns"]] != golden.columns:
        raise DeployError(f"{package.golden_uri} and the model differ in their columns. Register the model anew.")


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON; equal contents give equal bytes."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_exports(exports: Exports) -> None:
    """Write shell commands that export the values, one line each."""
    lines = {name: shlex.quote(" ".join(value.split())[:LONGEST]) for name, value in exports.items()}
    EXPORTS.write_text("".join(f"export {name}={value}\n" for name, value in lines.items()), encoding="utf-8")
