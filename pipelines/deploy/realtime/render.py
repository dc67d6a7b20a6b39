"""Pick the approved model, check it, and render what deploys it to every stage.

    python -m pipelines.deploy.realtime.render

Writes the folder deployment/ (what the stages of the pipeline take) and deployment.env (what the build exports).
Nothing is deployed here: a failed check ends the build, and every endpoint stays as it is.

exit status:
  0  rendered; DEPLOY in deployment.env says whether there is anything to deploy
  1  a check failed, or AWS refused a request
  2  a variable is missing or ill-formed
"""

import json
import logging
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.content import content_digest, tree
from pipelines.deploy.realtime import evaluation, settings, stage
from pipelines.deploy.realtime.archive import LIMIT, check_archive
from pipelines.deploy.realtime.configuration import configuration
from pipelines.deploy.realtime.errors import DeployError, NothingToDeployError
from pipelines.deploy.realtime.golden import Column, Golden, read_golden
from pipelines.deploy.realtime.history import digest_in_production
from pipelines.deploy.realtime.images import check_image
from pipelines.deploy.realtime.registry import Package, pick
from pipelines.deploy.realtime.storage import download, read_json
from pipelines.variables import SettingsError

logger = logging.getLogger("render")

HERE = Path(__file__).parent
TEMPLATE = HERE / "endpoint.yaml"
# What a deployment is tested with is part of it: a stricter test must run before it counts as deployed.
TESTS = ("test_endpoint.py", "conftest.py", "endpoint.py", "stages/staging.yml", "stages/production.yml")
FOLDER = Path("deployment")
EXPORTS = Path("deployment.env")
LONGEST = 500  # characters of a value, short enough for a CodePipeline variable

Exports = dict[str, str]


def main() -> int:
    """Render; see the module's text for exit statuses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    try:
        project = settings.for_render()
        exports = render(project, boto3.Session(region_name=project.region), FOLDER)
    except (SettingsError, DeployError, ClientError, BotoCoreError) as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        write_exports(nothing(str(error)))
        return 2 if isinstance(error, SettingsError) else 1
    logger.info("%s", exports["RENDER_RESULT"])
    write_exports(exports)
    return 0


def render(project: settings.RenderSettings, session: Any, folder: Path) -> Exports:
    """Render into a folder; returns what the build exports. DeployError when a check fails."""
    stages = {name: stage.read_stage(name) for name in stage.NAMES}
    try:
        package = pick(session.client("sagemaker"), project.model_package_group_name, project.model_package_arn)
    except NothingToDeployError as reason:
        write_json(folder / "model.json", {"deploy": "no", "reason": str(reason)})
        return nothing(str(reason))
    s3 = session.client("s3")
    golden = read_json(s3, package.golden_uri)
    exports = describe(package, s3, session, project.region)
    write(folder, package, golden, {name: configuration(each, project, package.arn) for name, each in stages.items()})
    exports["RENDER_DIGEST"] = content_digest({**tree(folder), **{f"tests/{name}": HERE / name for name in TESTS}})
    if project.redeploy == "no" and is_deployed(session, project.pipeline_name, exports["RENDER_DIGEST"]):
        result = "is in production already. Start the pipeline with Redeploy=yes to deploy it again"
        return {**exports, "DEPLOY": "no", "RENDER_RESULT": f"{package.arn} {result}"}
    check(package, read_golden(golden, package.golden_uri), s3, session)
    return {**exports, "DEPLOY": "yes", "RENDER_RESULT": f"deploying {package.arn}: {exports['MODEL_SUMMARY']}"}


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


def write(folder: Path, package: Package, golden: Any, configurations: dict[str, Any]) -> None:
    """Write the artifact that the stages take."""
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
    write_json(folder / "golden.json", golden)
    model = {"model_package_arn": package.arn, "image": package.image, "model_uri": package.model_uri}
    write_json(folder / "model.json", {"deploy": "yes", **model, "model_sha256": package.model_sha256})
    for name, content in configurations.items():
        write_json(folder / f"{name}.json", content)


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON; equal contents give equal bytes."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_exports(exports: Exports) -> None:
    """Write shell commands that export the values, one line each."""
    lines = {name: shlex.quote(" ".join(value.split())[:LONGEST]) for name, value in exports.items()}
    EXPORTS.write_text("".join(f"export {name}={value}\n" for name, value in lines.items()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
