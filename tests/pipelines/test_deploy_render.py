"""`python -m pipelines.deploy.realtime.render` as a build sees it: its files, its exports and its exit status."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deploy_service import CREDENTIALS, GOLDEN, GROUP, IMAGE, MODEL, VARIABLES, Service, pack, serve

from pipelines.deploy.realtime import render

ROOT = Path(__file__).resolve().parents[2]
LATEST = f"{IMAGE.partition('@')[0]}:latest"
TEMPLATE = ROOT / "pipelines" / "deploy" / "realtime" / "endpoint.yaml"


@dataclass
class Build:
    """A folder in which the render runs, against a service."""

    folder: Path
    service: Service
    variables: dict[str, str] = field(default_factory=lambda: dict(VARIABLES))

    @property
    def environment(self) -> dict[str, str]:
        here = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        return {**here, "AWS_ENDPOINT_URL": self.service.url, **CREDENTIALS, **self.variables}

    def run(self, **variables: str) -> int:
        """Render in this process, which spares the seconds of an import; returns the exit status."""
        environment = {**self.environment, **variables}
        with pytest.MonkeyPatch.context() as patch:
            for name in [*os.environ]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            return render.main()

    def exports(self, **variables: str) -> dict[str, str]:
        """What a shell that sources the file exports."""
        assert self.run(**variables) == 0, self.exported()["RENDER_RESULT"]
        return self.exported()

    def exported(self) -> dict[str, str]:
        script = ". ./deployment.env; env -0"
        out = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env={}, capture_output=True, text=True, check=True
        )
        found = dict(each.split("=", 1) for each in out.stdout.split("\0") if "=" in each)
        return {name: value for name, value in found.items() if name not in ("PWD", "SHLVL", "_")}

    def rendered(self, name: str) -> Any:
        return json.loads((self.folder / "deployment" / name).read_text())


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    service = Service()
    server = serve(service)
    yield Build(tmp_path, service)
    server.shutdown()
    server.server_close()


def test_with_no_version_registered_nothing_is_deployed_and_nothing_fails(build: Build) -> None:
    exports = build.exports()

    assert (exports["DEPLOY"], exports["RENDER_RESULT"]) == ("no", "nothing approved yet")
    assert set(exports) >= {"MODEL_PACKAGE_ARN", "MODEL_SUMMARY", "REPORT_URL", "RENDER_DIGEST"}
    assert all(exports.values())
    assert list((build.folder / "deployment").iterdir())


def test_versions_that_nobody_approved_are_not_deployed(build: Build) -> None:
    build.service.register(1, "PendingManualApproval")
    build.service.register(2, "Rejected")

    assert build.exports()["DEPLOY"] == "no"


def test_the_version_approved_is_rendered_for_every_stage(build: Build) -> None:
    arn = build.service.register(1, "Approved")
    exports = build.exports(MODEL_PACKAGE_ARN=arn)

    assert (exports["DEPLOY"], exports["MODEL_PACKAGE_ARN"]) == ("yes", arn)
    for name in ("staging.json", "production.json"):
        parameters = build.rendered(name)["Parameters"]
        assert (parameters["ModelPackageArn"], parameters["EndpointName"]) == (arn, GROUP)
    assert build.rendered("golden.json") == GOLDEN
    assert (build.folder / "deployment" / "endpoint.yaml").read_bytes() == TEMPLATE.read_bytes()


def test_who_approves_is_shown_metrics_and_report(build: Build) -> None:
    exports = build.exports(MODEL_PACKAGE_ARN=build.service.register(1, "Approved"))

    assert exports["MODEL_SUMMARY"] == "auc 0.9123 on 135 test rows"
    assert re.match(
        r"https://eu-west-1\.console\.aws\.amazon\.com/s3/object/[\w-]+\?.*prefix=run/1/.*html$", exports["REPORT_URL"]
    )


def test_a_model_of_images_and_several_classes_is_rendered_too(build: Build) -> None:
    columns = [{"name": "image", "kind": "image", "height": 28, "width": 28, "channels": 1}]
    known = {"columns": columns, "classes": ["cat", "dog", "owl"], "tolerance": 1e-4}
    golden = {**known, "records": [{"image": "iVBORw0KGgo="}], "scores": [[0.1, 0.7, 0.2]]}
    metrics = {"accuracy": {"value": 0.98123}, "confusion_matrix": {"cat": {"cat": 9, "dog": 1, "owl": 0}}}
    evaluation = {"dataset": {"item_count": 30}, "multiclass_classification_metrics": metrics}
    features = json.dumps({"version": 1, "columns": columns}).encode()
    archive = pack(
        {"model.onnx": b"\x08\x08", "model.safetensors": b"\x02" + bytes(7) + b"{}", "features.json": features}
    )
    arn = build.service.register(1, "Approved", golden=golden, evaluation=evaluation, archive=archive)

    exports = build.exports(MODEL_PACKAGE_ARN=arn)

    assert (exports["DEPLOY"], exports["MODEL_SUMMARY"]) == ("yes", "accuracy 0.9812 on 30 test rows")
    assert build.rendered("golden.json") == golden


def test_the_exact_version_wins_over_a_newer_one(build: Build) -> None:
    older = build.service.register(1, "Approved")
    build.service.register(2, "Approved", approved=9)

    assert build.exports(MODEL_PACKAGE_ARN=older)["MODEL_PACKAGE_ARN"] == older


def test_without_an_arn_the_version_approved_last_is_taken_not_the_newest(build: Build) -> None:
    build.service.register(1, "Approved", approved=5)
    rolled_back_to = build.service.register(2, "Approved", approved=9)
    build.service.register(3, "Approved", approved=7)
    build.service.register(4, "PendingManualApproval", approved=11)
    build.service.register(5, "Approved", approved=12, group="another")

    assert build.exports()["MODEL_PACKAGE_ARN"] == rolled_back_to


@pytest.mark.parametrize(
    ("status", "group", "reason"),
    [
        ("PendingManualApproval", GROUP, "is PendingManualApproval now, not Approved"),
        ("Rejected", GROUP, "is Rejected now, not Approved"),
        ("Approved", "another", f"is not of model package group {GROUP}"),
    ],
)
def test_a_version_that_may_not_be_deployed_is_told_and_fails_nothing(
    status: str, group: str, reason: str, build: Build
) -> None:
    build.service.register(9, "Approved")
    exports = build.exports(MODEL_PACKAGE_ARN=build.service.register(1, status, group=group))

    assert exports["DEPLOY"] == "no"
    assert reason in exports["RENDER_RESULT"]


def test_a_version_deleted_meanwhile_is_told_and_fails_nothing(build: Build) -> None:
    arn = build.service.register(1, "Approved")
    build.service.packages.clear()
    exports = build.exports(MODEL_PACKAGE_ARN=arn)

    assert exports["DEPLOY"] == "no"
    assert "does not exist" in exports["RENDER_RESULT"]


def test_what_production_runs_already_is_not_deployed_again_unless_asked(build: Build) -> None:
    arn = build.service.register(1, "Approved")
    digest = build.exports()["RENDER_DIGEST"]
    build.service.execute("first", "Succeeded", digest=digest, production="Succeeded")
    build.service.execute("without-effect", "Succeeded", digest=digest)
    build.service.execute("this", "InProgress")

    assert build.exports(MODEL_PACKAGE_ARN=arn)["DEPLOY"] == "no"
    assert build.exports(MODEL_PACKAGE_ARN=arn, REDEPLOY="yes")["DEPLOY"] == "yes"


def test_a_version_that_was_replaced_is_deployed_again(build: Build) -> None:
    older = build.service.register(1, "Approved")
    digest = build.exports()["RENDER_DIGEST"]
    build.service.execute("first", "Succeeded", digest=digest, production="Succeeded")
    build.service.execute("second", "Succeeded", digest="f" * 64, production="Succeeded")

    assert build.exports(MODEL_PACKAGE_ARN=older)["DEPLOY"] == "yes"


@pytest.mark.parametrize(
    ("status", "production"), [("Failed", "Failed"), ("Failed", "Succeeded"), ("InProgress", "Succeeded")]
)
def test_a_deployment_that_did_not_come_through_is_not_taken_for_one(
    status: str, production: str, build: Build
) -> None:
    build.service.register(1, "Approved")
    digest = build.exports()["RENDER_DIGEST"]
    build.service.execute("first", status, digest=digest, production=production)

    assert build.exports()["DEPLOY"] == "yes"


def test_after_a_rollback_production_runs_what_it_was_rolled_back_to(build: Build) -> None:
    older, newer = build.service.register(1, "Approved"), build.service.register(2, "Approved")
    digests = [build.exports(MODEL_PACKAGE_ARN=arn)["RENDER_DIGEST"] for arn in (older, newer)]
    build.service.execute("first", "Succeeded", digest=digests[0], production="Succeeded")
    build.service.execute("second", "Failed", digest=digests[1], production="Succeeded")
    target = {"rollbackTargetPipelineExecutionId": "first"}
    build.service.execute(
        "back", "Succeeded", production="Succeeded", executionType="ROLLBACK", rollbackMetadata=target
    )

    assert build.exports(MODEL_PACKAGE_ARN=older)["DEPLOY"] == "no"
    assert build.exports(MODEL_PACKAGE_ARN=newer)["DEPLOY"] == "yes"


def test_equal_inputs_give_equal_files_and_digests(build: Build) -> None:
    build.service.register(1, "Approved")
    digests, contents = set(), set()
    for _ in range(2):
        digests.add(build.exports()["RENDER_DIGEST"])
        contents.add(tuple(path.read_bytes() for path in sorted((build.folder / "deployment").iterdir())))

    assert (len(digests), len(contents)) == (1, 1)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no golden predictions": ({"CustomerMetadataProperties": {"ModelSha256": "0" * 64}}, "lacks metadata Golden"),
    "image by tag": (
        {"InferenceSpecification": {"Containers": [{"Image": LATEST, "ModelDataUrl": "s3://b/k"}]}},
        "pinned by digest",
    ),
    "no container": ({"InferenceSpecification": {"Containers": []}}, "has 0 containers"),
    "no metrics": ({"ModelMetrics": {}}, "lacks ModelMetrics"),
    "archive with a pickle": ({"archive": pack({**MODEL, "model.pkl": b"\x80\x04."})}, "holds 'model.pkl'"),
    "golden predictions that lack a score": ({"golden": {**GOLDEN, "scores": [0.1]}}, "3 records and 1 predictions"),
    "golden predictions of no kind": (
        {"golden": {name: value for name, value in GOLDEN.items() if name != "scores"}},
        "either scores or answers are expected",
    ),
    "golden predictions of several lengths": (
        {"golden": {**GOLDEN, "scores": [[0.1, 0.9], 0.1, 0.2]}},
        "has records of [1, 2] scores",
    ),
    "golden predictions of other columns": (
        {"golden": {**GOLDEN, "columns": [{"name": "age", "kind": "numeric"}, {"name": "plan", "kind": "numeric"}]}},
        "differ in their columns",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_fails_a_check_fails_the_build_with_the_cause(fault: str, build: Build) -> None:
    changes, cause = FAULTS[fault]
    build.service.register(1, "Approved", **changes)

    assert build.run() == 1
    assert cause in build.exported()["RENDER_RESULT"]
    assert build.exported()["DEPLOY"] == "no"


def test_an_archive_replaced_after_its_registration_is_refused(build: Build) -> None:
    build.service.register(1, "Approved")
    (uri,) = (uri for uri in build.service.objects if uri.endswith("model.tar.gz"))
    build.service.objects[uri] = pack({**MODEL, "model.ubj": b"{another"})

    assert build.run() == 1
    assert "the model package says" in build.exported()["RENDER_RESULT"]


def test_a_missing_image_is_told_with_its_account_and_repository(build: Build) -> None:
    build.service.register(1, "Approved")
    build.service.images.clear()

    assert build.run() == 1
    assert f"repository {GROUP} of account 222222222222" in build.exported()["RENDER_RESULT"]


def test_an_archive_that_is_gone_is_told_with_its_address(build: Build) -> None:
    build.service.register(1, "Approved")
    (uri,) = (uri for uri in build.service.objects if uri.endswith("model.tar.gz"))
    del build.service.objects[uri]

    assert build.run() == 1
    assert uri in build.exported()["RENDER_RESULT"]


def test_all_wrong_variables_are_told_at_once_and_nothing_is_asked(build: Build) -> None:
    wrong = {"STAGING_ACCOUNT_ID": "333", "DEPLOY_PIPELINE_NAME": "", "REDEPLOY": "maybe"}

    assert build.run(**wrong) == 2
    assert [name for name in wrong if name not in build.exported()["RENDER_RESULT"]] == []
    assert build.service.calls == []


def test_the_command_tells_the_reason_and_exits_with_its_status(build: Build) -> None:
    build.service.register(1, "Approved", archive=b"no archive")
    command = [sys.executable, "-m", "pipelines.deploy.realtime.render"]
    run = subprocess.run(command, cwd=build.folder, env=build.environment, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr.strip() == build.exported()["RENDER_RESULT"]
    assert "not a readable archive" in run.stderr


def test_a_value_from_outside_stays_a_value_in_the_shell(build: Build) -> None:
    build.service.register(1, "Approved", ModelApprovalStatus="$(touch pwned); it's 'x'")
    arn = next(iter(build.service.packages))
    exports = build.exports(MODEL_PACKAGE_ARN=arn)

    assert "$(touch pwned); it's 'x'" in exports["RENDER_RESULT"]
    assert not (build.folder / "pwned").exists()


def test_the_buildspec_exports_what_the_render_writes(build: Build) -> None:
    spec = (ROOT / "buildspecs" / "deploy_render.yml").read_text()
    exported = re.findall(r"^    - ([A-Z_]+)$", spec, re.MULTILINE)

    assert sorted(exported) == sorted(build.exports())
