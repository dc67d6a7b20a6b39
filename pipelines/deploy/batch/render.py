"""Pick the approved model, check it, and render the stack that scores with it in every stage.

    python -m pipelines.deploy.batch.render

Writes the folder deployment/ (what the stages of the pipeline take) and deployment.env (what the build exports).
Nothing is deployed here: a failed check ends the build, and scoring goes on with the model that it has.

exit status:
  0  rendered; DEPLOY in deployment.env says whether there is anything to deploy
  1  a check failed, or AWS refused a request
  2  a variable is missing or ill-formed
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import boto3

from pipelines.content import content_digest, tree
from pipelines.deploy.batch import settings, stage
from pipelines.deploy.batch.configuration import configuration
from pipelines.deploy.realtime import rendering
from pipelines.deploy.realtime.errors import NothingToDeployError
from pipelines.deploy.realtime.golden import read_golden
from pipelines.deploy.realtime.registry import pick
from pipelines.deploy.realtime.rendering import Exports, check, describe, is_deployed, nothing, write_json
from pipelines.deploy.realtime.storage import read_json

TEMPLATE = Path(__file__).parent / "scoring.yaml"


def main() -> int:
    """Render; see the module's text for exit statuses."""
    return rendering.run(render_project)


def render_project(folder: Path) -> Exports:
    """Render the project that the environment tells of."""
    project = settings.from_environment()
    return render(project, boto3.Session(region_name=project.region), folder)


def render(project: settings.BatchSettings, session: Any, folder: Path) -> Exports:
    """Render into a folder; returns what the build exports. DeployError when a check fails."""
    names = ("staging", "production") if project.staging_account_id else ("production",)
    stages = {name: stage.read_stage(name) for name in names}
    try:
        package = pick(session.client("sagemaker"), project.model_package_group_name, project.model_package_arn)
    except NothingToDeployError as reason:
        write_json(folder / "model.json", {"deploy": "no", "reason": str(reason)})
        return nothing(str(reason))
    s3 = session.client("s3")
    exports = describe(package, s3, session, project.region)
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
    for name, each in stages.items():
        write_json(folder / f"{name}.json", configuration(each, project, package.arn))
    write_json(folder / "model.json", {"deploy": "yes", "model_package_arn": package.arn, "image": package.image})
    exports["RENDER_DIGEST"] = content_digest(tree(folder))
    if project.redeploy == "no" and is_deployed(session, project.pipeline_name, exports["RENDER_DIGEST"]):
        result = "scores already. Start the pipeline with Redeploy=yes to deploy it again"
        return {**exports, "DEPLOY": "no", "RENDER_RESULT": f"{package.arn} {result}"}
    check(package, read_golden(read_json(s3, package.golden_uri), package.golden_uri), s3, session)
    return {**exports, "DEPLOY": "yes", "RENDER_RESULT": f"deploying {package.arn}: {exports['MODEL_SUMMARY']}"}


if __name__ == "__main__":
    sys.exit(main())
