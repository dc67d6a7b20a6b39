"""`python -m pipelines.deploy.batch.render` as a build sees it: its files, its exports and its exit status."""

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deploy_service import CREDENTIALS, GROUP, IMAGE, MODEL, VARIABLES, Service, pack, serve

from pipelines.deploy.batch import render

ALONE = {**VARIABLES, "STAGING_ACCOUNT_ID": "", "PRODUCTION_ACCOUNT_ID": ""}


@dataclass
class Build:
    """A folder in which the render runs, against a service."""

    folder: Path
    service: Service

    def run(self, **variables: str) -> int:
        """Render; returns the exit status."""
        environment = {"HOME": str(self.folder), "AWS_ENDPOINT_URL": self.service.url, **CREDENTIALS, **variables}
        with pytest.MonkeyPatch.context() as patch:
            for name in [*os.environ]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            return render.main()

    def exports(self, **variables: str) -> dict[str, str]:
        """What the build exports."""
        assert self.run(**{**ALONE, **variables}) == 0, self.exported()["RENDER_RESULT"]
        return self.exported()

    def exported(self) -> dict[str, str]:
        lines = (self.folder / "deployment.env").read_text().splitlines()
        pairs = [shlex.split(line)[1].partition("=") for line in lines]
        return {name: value for name, _, value in pairs}

    def rendered(self, name: str) -> Any:
        return json.loads((self.folder / "deployment" / name).read_text())


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    service = Service()
    server = serve(service)
    yield Build(tmp_path, service)
    server.shutdown()
    server.server_close()


def test_with_no_version_approved_nothing_is_deployed_and_nothing_fails(build: Build) -> None:
    assert build.exports()["RENDER_RESULT"] == "nothing approved yet"
    build.service.register(1, "PendingManualApproval")
    build.service.register(2, "Rejected")

    exports = build.exports()
    assert (exports["DEPLOY"], exports["RENDER_RESULT"]) == ("no", "nothing approved yet")
    assert all(exports.values())
    assert build.rendered("model.json")["deploy"] == "no"


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_version_that_is_not_approved_now_is_not_used(build: Build, status: str) -> None:
    build.service.register(1, "Approved")
    arn = build.service.register(2, status)

    exports = build.exports(MODEL_PACKAGE_ARN=arn)
    assert exports["DEPLOY"] == "no"
    assert f"is {status} now, not Approved" in exports["RENDER_RESULT"]


def test_the_exact_version_is_rendered_even_when_a_newer_one_is_approved(build: Build) -> None:
    arn = build.service.register(1, "Approved", approved=5)
    build.service.register(2, "Approved", approved=9)

    exports = build.exports(MODEL_PACKAGE_ARN=arn)
    assert (exports["DEPLOY"], exports["MODEL_PACKAGE_ARN"]) == ("yes", arn)
    assert build.rendered("production.json")["Parameters"]["ModelPackageArn"] == arn
    template = Path(render.__file__).with_name("scoring.yaml")
    assert (build.folder / "deployment" / "scoring.yaml").read_bytes() == template.read_bytes()


def test_alone_names_are_of_this_project_and_there_is_one_stage(build: Build) -> None:
    build.service.register(1, "Approved")
    build.exports()

    assert sorted(path.name for path in (build.folder / "deployment").iterdir()) == [
        *("model.json", "production.json", "scoring.yaml"),
    ]
    assert build.rendered("production.json")["Parameters"]["Owner"] == "p-deploy"
    assert build.rendered("production.json")["Tags"]["sagemaker:project-id"] == "p-deploy"


def test_in_other_accounts_names_are_of_the_project_of_the_models(build: Build) -> None:
    build.service.register(1, "Approved")
    build.exports(**VARIABLES)

    for name in ("staging.json", "production.json"):
        assert build.rendered(name)["Parameters"]["Owner"] == "p-model"


def test_every_parameter_of_the_stack_is_given_and_no_other(build: Build) -> None:
    build.service.register(1, "Approved")
    build.exports()

    text = (build.folder / "deployment" / "scoring.yaml").read_text()
    lines = text[text.index("Parameters:\n") : text.index("Conditions:\n")].splitlines()[1:]
    declared = {line.strip(" :") for line in lines if line.startswith("  ") and not line.startswith("   ")}
    assert set(build.rendered("production.json")["Parameters"]) == declared


def test_what_scores_already_is_not_deployed_again_unless_asked(build: Build) -> None:
    build.service.register(1, "Approved")
    digest = build.exports()["RENDER_DIGEST"]
    build.service.execute("one", "Succeeded", digest=digest, production="Succeeded")

    assert build.exports()["DEPLOY"] == "no"
    assert build.exports(REDEPLOY="yes")["DEPLOY"] == "yes"
    build.service.register(2, "Approved", approved=9)
    assert build.exports()["DEPLOY"] == "yes"


def test_an_archive_that_is_not_the_registered_one_ends_the_build(build: Build) -> None:
    build.service.register(1, "Approved")
    [uri] = [uri for uri in build.service.objects if uri.endswith("model.tar.gz")]
    build.service.objects[uri] = pack({**MODEL, "model.ubj": b"{L\x01"})

    assert build.run(**ALONE) == 1
    assert "has SHA-256" in build.exported()["RENDER_RESULT"]
    assert build.exported()["DEPLOY"] == "no"


def test_an_image_that_is_gone_ends_the_build(build: Build) -> None:
    build.service.register(1, "Approved")
    build.service.images.clear()

    assert build.run(**ALONE) == 1
    assert IMAGE.partition("@")[2] in build.exported()["RENDER_RESULT"]


def test_a_missing_variable_is_told_with_what_to_do(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    wrong = {**ALONE, "STAGING_ACCOUNT_ID": "33", "MODEL_PACKAGE_GROUP_NAME": ""}

    assert build.run(**wrong) == 2
    assert "STAGING_ACCOUNT_ID is '33'" in caplog.text
    assert "MODEL_PACKAGE_GROUP_NAME is not set" in caplog.text


def test_a_version_of_another_group_is_not_used(build: Build) -> None:
    arn = build.service.register(1, "Approved", group="another")

    assert f"is not of model package group {GROUP}" in build.exports(MODEL_PACKAGE_ARN=arn)["RENDER_RESULT"]
