"""Pick the approved model, check it, and render what deploys it to every stage.

    python -m pipelines.deploy.realtime.render

Writes the folder deployment/ (what the stages of the pipeline take) and deployment.env (what the build exports).
Nothing is deployed here: a failed check ends the build, and every endpoint stays as it is.

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
from pipelines.deploy.realtime import rendering, settings, stage
from pipelines.deploy.realtime.account import models_session
from pipelines.deploy.realtime.configuration import configuration
from pipelines.deploy.realtime.errors import NothingToDeployError
from pipelines.deploy.realtime.golden import read_golden
from pipelines.deploy.realtime.registry import Package, pick
from pipelines.deploy.realtime.rendering import Exports, check, describe, is_deployed, nothing, write_json
from pipelines.deploy.realtime.storage import read_json

HERE = Path(__file__).parent
TEMPLATE = HERE / "endpoint.yaml"
# What a deployment is tested with is part of it: a stricter test must run before it counts as deployed.
TESTS = ("test_endpoint.py", "conftest.py", "endpoint.py", "stages/staging.yml", "stages/production.yml")


def main() -> int:
    """Render; see the module's text for exit statuses."""
    return rendering.run(render_project)


def render_project(folder: Path) -> Exports:
    """Render the project that the environment tells of."""
    project = settings.for_render()
    own = boto3.Session(region_name=project.region)
    return render(project, own, models_session(project, own), folder)


def render(project: settings.RenderSettings, own: Any, models: Any, folder: Path) -> Exports:
    """Render into a folder, by the pipeline's `own` session and one that may read the `models`.

    Returns what the build exports; raises DeployError when a check fails.
    """
    stages = {name: stage.read_stage(name) for name in stage.NAMES}
    try:
        package = pick(models.client("sagemaker"), project.model_package_group_name, project.model_package_arn)
    except NothingToDeployError as reason:
        write_json(folder / "model.json", {"deploy": "no", "reason": str(reason)})
        return nothing(str(reason))
    s3 = models.client("s3")
    golden = read_json(s3, package.golden_uri)
    exports = describe(package, s3, models, project.region)
    write(folder, package, golden, {name: configuration(each, project, package.arn) for name, each in stages.items()})
    exports["RENDER_DIGEST"] = content_digest({**tree(folder), **{f"tests/{name}": HERE / name for name in TESTS}})
    if project.redeploy == "no" and is_deployed(own, project.pipeline_name, exports["RENDER_DIGEST"]):
        result = "is in production already. Start the pipeline with Redeploy=yes to deploy it again"
        return {**exports, "DEPLOY": "no", "RENDER_RESULT": f"{package.arn} {result}"}
    check(package, read_golden(golden, package.golden_uri), s3, models)
    return {**exports, "DEPLOY": "yes", "RENDER_RESULT": f"deploying {package.arn}: {exports['MODEL_SUMMARY']}"}


def write(folder: Path, package: Package, golden: Any, configurations: dict[str, Any]) -> None:
    """Write the artifact that the stages take."""
    shutil.copyfile(TEMPLATE, folder / TEMPLATE.name)
    write_json(folder / "golden.json", golden)
    model = {"model_package_arn": package.arn, "image": package.image, "model_uri": package.model_uri}
    write_json(folder / "model.json", {"deploy": "yes", **model, "model_sha256": package.model_sha256})
    for name, content in configurations.items():
        write_json(folder / f"{name}.json", content)


if __name__ == "__main__":
    sys.exit(main())
