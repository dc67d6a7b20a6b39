"""Builds that really run, seen through CodeBuild's API and what they leave in S3, CloudWatch Logs and ECR."""

from __future__ import annotations

import importlib.metadata
import io
import json
import subprocess
import textwrap
import urllib.error
import urllib.request
import uuid
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import botocore.exceptions
import pytest
from harness import Sandbox, eventually

Build = dict[str, Any]


@dataclass
class Builds:
    """Makes projects over one bucket, runs their builds and reads what they did."""

    sandbox: Sandbox
    bucket: str
    role: str

    @cached_property
    def api(self) -> Any:
        return self.sandbox.client("codebuild")

    @cached_property
    def logs(self) -> Any:
        return self.sandbox.client("logs")

    def project(self, **settings: Any) -> str:
        name = f"project-{uuid.uuid4().hex[:8]}"
        image = {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        }
        defaults = {
            "artifacts": {"type": "NO_ARTIFACTS"},
            "serviceRole": self.role,
            "environment": {**image, **settings.pop("environment", {})},
        }
        self.api.create_project(name=name, **{**defaults, **settings})
        return name

    def start(self, buildspec: str, **settings: Any) -> str:
        source = {"type": "NO_SOURCE", "buildspec": textwrap.dedent(buildspec)}
        return self.start_project(self.project(source=source, **settings))

    def start_project(self, name: str, **overrides: Any) -> str:
        return str(self.api.start_build(projectName=name, **overrides)["build"]["id"])

    def get(self, build_id: str) -> Build:
        build: Build = self.api.batch_get_builds(ids=[build_id])["builds"][0]
        return build

    def finished(self, build_id: str) -> Build:
        eventually(lambda: self.get(build_id)["buildComplete"])
        return self.get(build_id)

    def run(self, buildspec: str, **settings: Any) -> Build:
        return self.finished(self.start(buildspec, **settings))

    def log(self, build: Build) -> str:
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        try:
            found = self.logs.get_log_events(**where, startFromHead=True, limit=10000)
        except botocore.exceptions.ClientError:  # the stream appears with the first phase
            return ""
        return "".join(event["message"] for event in found["events"])

    def upload(self, key: str, files: dict[str, str]) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, textwrap.dedent(text))
        self.sandbox.client("s3").put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())
        return f"{self.bucket}/{key}"

    def downloaded(self, key: str) -> zipfile.ZipFile:
        content = self.sandbox.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return zipfile.ZipFile(io.BytesIO(content))


@pytest.fixture(scope="module")
def builds(sandbox: Sandbox) -> Builds:
    bucket = f"builds-{uuid.uuid4().hex[:8]}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    return Builds(sandbox, bucket, sandbox.role("build-role", "codebuild.amazonaws.com"))


def phase(build: Build, name: str) -> dict[str, Any]:
    return next((found for found in build["phases"] if found["phaseType"] == name), {})


def context(build: Build, name: str) -> dict[str, str]:
    found: dict[str, str] = phase(build, name)["contexts"][0]
    return found


def exported(build: Build) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in build["exportedEnvironmentVariables"]}


def test_a_build_runs_its_source_and_uploads_what_it_made(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env:
          exported-variables: [MODEL]
        phases:
          build:
            commands:
              - mkdir -p out/deep
              - cp data/input.txt out/deep/result.txt
              - touch out/left-out.tmp
              - export MODEL=$(cat data/input.txt)
        artifacts:
          files: ["**/*"]
          exclude-paths: ["**/*.tmp"]
          base-directory: out
        """
    location = builds.upload("source.zip", {"buildspec.yml": spec, "data/input.txt": "seven"})
    target = {"type": "S3", "location": builds.bucket, "path": "made", "name": "result.zip", "packaging": "ZIP"}
    name = builds.project(source={"type": "S3", "location": location}, artifacts=target)
    build = builds.finished(builds.start_project(name))
    assert build["buildStatus"] == "SUCCEEDED"
    assert [found["phaseType"] for found in build["phases"]] == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
        "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",
    ]  # fmt: skip
    assert exported(build) == {"MODEL": "seven"}
    archive = builds.downloaded("made/result.zip")
    assert archive.namelist() == ["deep/result.txt"]
    assert archive.read("deep/result.txt") == b"seven"


def test_variables_functions_and_the_folder_last_from_phase_to_phase(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {shell: bash, exported-variables: [SEEN]}
        phases:
          install: {commands: [mkdir here && cd here, "greet() { echo hello; }", word=plain]}
          build: {commands: ['export SEEN="$(greet) $word $(basename $PWD)"']}
        """
    assert exported(builds.run(spec)) == {"SEEN": "hello plain here"}


def test_a_failing_command_fails_the_build_and_post_build_still_runs(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [BEFORE, SUCCEEDING]}
        phases:
          build: {commands: [export BEFORE=kept, "false", export BEFORE=never]}
          post_build: {commands: [export SUCCEEDING=$CODEBUILD_BUILD_SUCCEEDING]}
        """
    build = builds.run(spec)
    assert build["buildStatus"] == "FAILED"
    assert context(build, "BUILD") == {
        "statusCode": "COMMAND_EXECUTION_ERROR",
        "message": "Error while executing command: false. Reason: exit status 1",
    }
    assert phase(build, "POST_BUILD")["phaseStatus"] == "SUCCEEDED"
    assert exported(build) == {"BEFORE": "kept", "SUCCEEDING": "0"}


def test_exit_in_a_command_ends_the_phase_and_later_phases_have_a_new_shell(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [BEFORE, AFTER]}
        phases:
          build: {commands: [export BEFORE=kept, exit 7]}
          post_build: {commands: ['export AFTER="${BEFORE:-gone}"']}
        """
    build = builds.run(spec)
    assert context(build, "BUILD")["message"] == "Error while executing command: exit 7. Reason: exit status 7"
    assert exported(build) == {"BEFORE": "kept", "AFTER": "gone"}


def test_finally_runs_after_a_failure_and_no_later_phase_does(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [CLEANED, BUILT]}
        phases:
          pre_build: {commands: [exit 3], finally: [export CLEANED=yes]}
          build: {commands: [export BUILT=yes]}
        """
    build = builds.run(spec)
    assert build["buildStatus"] == "FAILED"
    assert exported(build) == {"CLEANED": "yes"}
    assert not phase(build, "BUILD")


@pytest.mark.parametrize(("on_failure", "follows"), [("ABORT", False), ("CONTINUE", True)])
def test_on_failure_decides_whether_the_next_phase_runs(builds: Builds, on_failure: str, follows: bool) -> None:
    spec = f"""\
        version: 0.2
        phases:
          install: {{on-failure: {on_failure}, commands: ["false"]}}
          pre_build: {{commands: ["true"]}}
        """
    build = builds.run(spec)
    assert build["buildStatus"] == "FAILED"
    assert bool(phase(build, "PRE_BUILD")) is follows


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("version: 0.2\nphases:\n  build:\n    commands: [echo hi\n", "at line 5"),
        ("version: 0.2\nphases:\n  build:\n    comands: [echo hi]\n", "'phases.build.comands'"),
        ("version: 0.2\nphases:\n  build:\n    comands: [echo hi]\n", "at line 4"),
        ("version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n", "Commands[0]"),
        ("version: 0.1\nphases:\n  build:\n    commands: [echo hi]\n", "0.1"),
    ],
)
def test_a_wrong_buildspec_is_a_yaml_error_that_says_where(builds: Builds, spec: str, found: str) -> None:
    build = builds.run(spec)
    assert build["buildStatus"] == "FAILED"
    assert context(build, "DOWNLOAD_SOURCE")["statusCode"] == "YAML_FILE_ERROR"
    assert found in context(build, "DOWNLOAD_SOURCE")["message"]


def test_a_missing_buildspec_is_named(builds: Builds) -> None:
    location = builds.upload("empty.zip", {"readme": "nothing here"})
    name = builds.project(source={"type": "S3", "location": location, "buildspec": "specs/build.yml"})
    build = builds.finished(builds.start_project(name))
    assert context(build, "DOWNLOAD_SOURCE")["statusCode"] == "YAML_FILE_ERROR"
    assert "specs/build.yml" in context(build, "DOWNLOAD_SOURCE")["message"]


def test_a_missing_source_object_fails_the_download(builds: Builds) -> None:
    name = builds.project(source={"type": "S3", "location": f"{builds.bucket}/absent.zip"})
    build = builds.finished(builds.start_project(name))
    assert build["buildStatus"] == "FAILED"
    assert "NoSuchKey" in context(build, "DOWNLOAD_SOURCE")["message"]
    assert not phase(build, "INSTALL")


def test_a_build_of_a_codecommit_branch_runs_its_commit(builds: Builds) -> None:
    git, repository = builds.sandbox.client("codecommit"), f"code-{uuid.uuid4().hex[:8]}"
    url = git.create_repository(repositoryName=repository)["repositoryMetadata"]["cloneUrlHttp"]
    spec = """\
        version: 0.2
        env: {exported-variables: [HEAD]}
        phases: {build: {commands: [export HEAD=$(git rev-parse HEAD)]}}
        """
    file = {"filePath": "buildspec.yml", "fileContent": textwrap.dedent(spec).encode()}
    commit = git.put_file(repositoryName=repository, branchName="main", **file)["commitId"]
    name = builds.project(source={"type": "CODECOMMIT", "location": url}, sourceVersion="refs/heads/main")
    build = builds.finished(builds.start_project(name))
    assert build["resolvedSourceVersion"] == commit
    assert exported(build) == {"HEAD": commit}


def test_no_matching_artifact_fails_the_upload(builds: Builds) -> None:
    spec = "version: 0.2\nphases: {build: {commands: [echo hi]}}\nartifacts: {files: [absent/**/*]}\n"
    target = {"type": "S3", "location": builds.bucket, "name": "never.zip", "packaging": "ZIP"}
    build = builds.run(spec, artifacts=target)
    assert build["buildStatus"] == "FAILED"
    assert "no matching artifact paths found" in context(build, "UPLOAD_ARTIFACTS")["message"]


def test_secondary_sources_and_artifacts_are_kept_apart(builds: Builds) -> None:
    location = builds.upload("extra.zip", {"extra.txt": "more"})
    spec = """\
        version: 0.2
        phases: {build: {commands: [cp $CODEBUILD_SRC_DIR_Extra/extra.txt copied.txt]}}
        artifacts:
          secondary-artifacts:
            Copied: {files: [copied.txt], discard-paths: yes}
        """
    secondary = {"type": "S3", "location": builds.bucket, "name": "copied.zip", "packaging": "ZIP"}
    build = builds.run(
        spec,
        secondarySources=[{"type": "S3", "location": location, "sourceIdentifier": "Extra"}],
        secondaryArtifacts=[{**secondary, "artifactIdentifier": "Copied"}],
    )
    assert build["buildStatus"] == "SUCCEEDED"
    assert builds.downloaded("copied.zip").read("copied.txt") == b"more"


def test_a_stopped_build_ends_with_what_it_started(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [CHILD]}
        phases: {build: {commands: [sleep 600 & export CHILD=$!, sleep 600]}}
        """
    build_id = builds.start(spec)
    child = eventually(lambda: exported(builds.get(build_id)).get("CHILD", ""))
    assert running(child)
    builds.api.stop_build(id=build_id)
    build = builds.finished(build_id)
    assert not running(child)
    assert build["buildStatus"] == "STOPPED"
    assert phase(build, "BUILD")["phaseStatus"] == "STOPPED"
    assert not phase(build, "POST_BUILD")


def running(pid: str) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_no_more_builds_run_at_once_than_the_project_allows(builds: Builds) -> None:
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [sleep 600]}}\n"}
    name = builds.project(source=source, concurrentBuildLimit=1)
    first = builds.start_project(name)
    with pytest.raises(builds.api.exceptions.AccountLimitExceededException, match="concurrentBuildLimit is 1"):
        builds.start_project(name)
    builds.api.stop_build(id=first)
    builds.finished(first)
    builds.api.stop_build(id=builds.start_project(name))


def test_the_log_can_be_read_while_the_build_runs(builds: Builds) -> None:
    build_id = builds.start("version: 0.2\nphases: {build: {commands: [echo first words, sleep 600]}}\n")
    eventually(lambda: "\nfirst words\n" in builds.log(builds.get(build_id)))
    assert builds.get(build_id)["buildStatus"] == "IN_PROGRESS"
    builds.api.stop_build(id=build_id)
    assert "Running command sleep 600" in builds.log(builds.finished(build_id))


def test_variables_given_at_the_start_win_over_the_projects_and_those_over_the_buildspecs(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env:
          variables: {A: spec, B: spec, C: spec}
          exported-variables: [A, B, C]
        phases: {build: {commands: ["true"]}}
        """
    given = [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}]
    source = {"type": "NO_SOURCE", "buildspec": textwrap.dedent(spec)}
    name = builds.project(source=source, environment={"environmentVariables": given})
    overrides = [{"name": "C", "value": "start"}]
    build = builds.finished(builds.start_project(name, environmentVariablesOverride=overrides))
    assert exported(build) == {"A": "spec", "B": "project", "C": "start"}


def test_parameters_and_secrets_reach_the_build_but_not_its_log(builds: Builds) -> None:
    builds.sandbox.client("ssm").put_parameter(Name="/build/word", Value="quiet-word", Type="SecureString")
    stored = json.dumps({"key": "hidden-word"})
    builds.sandbox.client("secretsmanager").create_secret(Name="build-secret", SecretString=stored)
    spec = """\
        version: 0.2
        env:
          parameter-store: {WORD: /build/word}
          secrets-manager: {KEY: build-secret:key}
          exported-variables: [LENGTHS]
        phases:
          build: {commands: [echo "$WORD and $KEY", env, 'export LENGTHS="${#WORD} ${#KEY}"']}
        """
    build = builds.run(spec)
    assert exported(build) == {"LENGTHS": "10 11"}
    log = builds.log(build)
    assert "*** and ***" in log
    assert "quiet-word" not in log
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN=***" in log
    assert "AWS_SECRET_ACCESS_KEY" not in log


def test_commands_act_as_the_service_role(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [CLI, SDK]}
        phases:
          build:
            commands:
              - export CLI=$(aws sts get-caller-identity --query Arn --output text)
              - export SDK=$(python -c "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])")
        """
    found = exported(builds.run(spec))
    assert found["CLI"] == found["SDK"]
    assert ":assumed-role/build-role/AWSCodeBuild-" in found["CLI"]


def test_a_profile_of_a_build_assumes_another_account_s_role(builds: Builds) -> None:
    role = builds.sandbox.role("lets-builds-in", builds.role, profile="staging")
    spec = f"""\
        version: 0.2
        env: {{exported-variables: [BEFORE, CLI, SDK]}}
        phases:
          build:
            commands:
              - export BEFORE=$(aws sts get-caller-identity --query Arn --output text)
              - printf '[profile there]\\nrole_arn = {role}\\ncredential_source = EcsContainer\\n' > config
              - export AWS_CONFIG_FILE="$PWD/config" AWS_PROFILE=there
              - export CLI=$(aws sts get-caller-identity --query Arn --output text)
              - export SDK=$(python -c "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])")
        """
    found = exported(builds.run(spec))
    assert ":assumed-role/build-role/" in found["BEFORE"]
    assert all(":assumed-role/lets-builds-in/" in found[name] for name in ("CLI", "SDK"))


def test_credentials_that_a_build_fetches_are_not_in_its_log(builds: Builds) -> None:
    spec = """\
        version: 0.2
        phases:
          build:
            commands:
              - >-
                python -c "import boto3; key = boto3.Session().get_credentials().get_frozen_credentials();
                print('secret', key.secret_key, 'and', key.token)"
        """
    assert "secret *** and ***" in builds.log(builds.run(spec))


def test_credentials_of_a_build_end_with_it(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [ADDRESS, TOKEN]}
        phases:
          build:
            commands:
              - export ADDRESS=$AWS_CONTAINER_CREDENTIALS_FULL_URI TOKEN=$AWS_CONTAINER_AUTHORIZATION_TOKEN
        """
    found = exported(builds.run(spec))
    request = urllib.request.Request(found["ADDRESS"], headers={"Authorization": found["TOKEN"]})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)  # noqa: S310


def test_what_a_build_installs_stays_in_it(builds: Builds) -> None:
    spec = """\
        version: 0.2
        env: {exported-variables: [INSTALLED, SHARED]}
        phases:
          install: {commands: [pip install --quiet six==1.16.0, pip install boto3]}
          build: {commands: ['export INSTALLED=$(python -c "import six; print(six.__version__)")']}
        """
    before = importlib.metadata.version("six")
    build = builds.run(spec)
    assert exported(build)["INSTALLED"] == "1.16.0"
    assert before != "1.16.0"
    assert "Requirement already satisfied: boto3" in builds.log(build)
    second = builds.run(spec.replace("pip install --quiet six==1.16.0, ", ""))
    assert exported(second)["INSTALLED"] == before


def test_a_role_that_does_not_trust_codebuild_is_refused_when_the_project_is_made(builds: Builds) -> None:
    role = builds.sandbox.role("lambda-only", "lambda.amazonaws.com")
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\n"}
    with pytest.raises(builds.api.exceptions.InvalidInputException, match=r"sts:AssumeRole on .*lambda-only"):
        builds.project(source=source, serviceRole=role)


def test_a_role_that_no_longer_trusts_codebuild_fails_the_build(builds: Builds) -> None:
    role = builds.sandbox.role("fickle", "codebuild.amazonaws.com")
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [echo hi]}}\n"}
    name = builds.project(source=source, serviceRole=role)
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    builds.sandbox.client("iam").update_assume_role_policy(RoleName="fickle", PolicyDocument=policy)
    build = builds.finished(builds.start_project(name))
    assert build["buildStatus"] == "FAILED"
    assert context(build, "PROVISIONING")["statusCode"] == "ACCESS_DENIED"
    assert role in context(build, "PROVISIONING")["message"]


def test_a_started_build_tells_eventbridge_when_it_ends(builds: Builds) -> None:
    queue, rule = f"queue-{uuid.uuid4().hex[:8]}", f"rule-{uuid.uuid4().hex[:8]}"
    sqs, events = builds.sandbox.client("sqs"), builds.sandbox.client("events")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = builds.project(
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [id]}}\n"}
    )
    pattern = {"source": ["aws.codebuild"], "detail": {"project-name": [name], "build-status": ["SUCCEEDED"]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    build = builds.finished(builds.start_project(name))
    received = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    event = json.loads(received[0]["Body"])
    assert event["detail-type"] == "CodeBuild Build State Change"
    assert event["detail"]["build-id"] == build["arn"]


def test_projects_are_described_changed_listed_and_deleted(builds: Builds) -> None:
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\n"}
    name = builds.project(source=source, tags=[{"key": "team", "value": "ml"}])
    builds.api.update_project(name=name, description="new words")
    found = builds.api.batch_get_projects(names=[name, "absent"])
    assert found["projectsNotFound"] == ["absent"]
    assert found["projects"][0]["description"] == "new words"
    assert found["projects"][0]["tags"] == [{"key": "team", "value": "ml"}]
    assert name in builds.api.list_projects()["projects"]
    builds.api.delete_project(name=name)
    with pytest.raises(builds.api.exceptions.ResourceNotFoundException, match=name):
        builds.start_project(name)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"source": {"type": "GITHUB", "location": "https://example.com/a.git"}}, "sources of type GITHUB"),
        ({"source": {"type": "S3"}}, "location must be set"),
        ({"source": {"type": "NO_SOURCE"}}, "buildspec must be set"),
        ({"source": {"type": "CODEPIPELINE"}}, "CODEPIPELINE"),
    ],
)
def test_a_project_that_cannot_work_is_refused(builds: Builds, settings: dict[str, Any], found: str) -> None:
    with pytest.raises(builds.api.exceptions.InvalidInputException, match=found):
        builds.project(**settings)


def test_builds_are_listed_newest_first_and_can_be_repeated(builds: Builds) -> None:
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [echo hi]}}\n"}
    name = builds.project(source=source)
    first = builds.finished(builds.start_project(name))
    again = builds.finished(builds.api.retry_build(id=first["id"])["build"]["id"])
    assert again["buildNumber"] == first["buildNumber"] + 1
    assert builds.api.list_builds_for_project(projectName=name)["ids"] == [again["id"], first["id"]]


JUNIT = """\
<testsuites><testsuite name="endpoint">
<testcase classname="test_endpoint" name="test_answers" time="0.5"/>
<testcase classname="test_endpoint" name="test_scores" time="0.25">
<failure message="0.4 != 0.5">trace</failure></testcase>
<testcase classname="test_endpoint" name="test_old"><skipped message="no data"/></testcase>
</testsuite></testsuites>
"""


def reporting(*commands: str) -> str:
    """Return a buildspec whose source has the results in results.xml."""
    phases = {"build": {"commands": list(commands)}}
    reports = {"endpoint": {"files": ["results.xml"], "file-format": "JUNITXML"}}
    artifacts = {"files": ["results.xml"]}
    return json.dumps({"version": "0.2", "phases": phases, "reports": reports, "artifacts": artifacts})


def test_results_of_tests_are_reported_even_when_the_build_fails(builds: Builds) -> None:
    location = builds.upload("tests.zip", {"buildspec.yml": reporting("exit 1"), "results.xml": JUNIT})
    name = builds.project(source={"type": "S3", "location": location})
    first, second = (builds.finished(builds.start_project(name)) for _ in range(2))
    assert first["buildStatus"] == "FAILED"
    assert context(first, "BUILD")["statusCode"] == "COMMAND_EXECUTION_ERROR"
    assert phase(first, "UPLOAD_ARTIFACTS")["phaseStatus"] == "SUCCEEDED"
    group = f"arn:aws:codebuild:us-east-1:222222222222:report-group/{name}-endpoint"
    listed = builds.api.list_reports_for_report_group(reportGroupArn=group)["reports"]
    assert listed == [*second["reportArns"], *first["reportArns"]]
    [report] = builds.api.batch_get_reports(reportArns=first["reportArns"])["reports"]
    assert (report["status"], report["executionId"]) == ("FAILED", first["arn"])
    assert report["testSummary"]["statusCounts"] == {"SUCCEEDED": 1, "FAILED": 1, "SKIPPED": 1}
    assert report["testSummary"]["durationInNanoSeconds"] == 750_000_000
    cases = builds.api.describe_test_cases(reportArn=report["arn"], filter={"status": "FAILED"})["testCases"]
    assert [(case["name"], case["message"]) for case in cases] == [("test_scores", "0.4 != 0.5")]
    groups = builds.api.batch_get_report_groups(reportGroupArns=[group, f"{group}-absent"])
    assert [found["name"] for found in groups["reportGroups"]] == [f"{name}-endpoint"]
    assert groups["reportGroupsNotFound"] == [f"{group}-absent"]
    assert group in builds.api.list_report_groups()["reportGroups"]


def test_the_report_group_is_made_by_the_builds_role(builds: Builds) -> None:
    location = builds.upload("made.zip", {"buildspec.yml": reporting("true"), "results.xml": JUNIT})
    build = builds.finished(builds.start_project(builds.project(source={"type": "S3", "location": location})))
    assert build["buildStatus"] == "SUCCEEDED"
    lines = [json.loads(line) for line in (builds.sandbox.home / "calls.jsonl").read_text().splitlines()]
    session = f":assumed-role/build-role/AWSCodeBuild-{build['id'].partition(':')[2]}"
    assert "CreateReportGroup" in [line["operation"] for line in lines if line["principal"].endswith(session)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "[endpoint: [report files not found in build]]"),
        ({"results.xml": "<testsuite"}, "results.xml is no JUnit XML"),
        ({"results.xml": "<html/>"}, "its root is <html>"),
        ({"results.xml": '<!DOCTYPE x [<!ENTITY a "a">]><testsuite/>'}, "document type definition"),
    ],
)
def test_missing_or_bad_results_fail_the_upload(builds: Builds, files: dict[str, str], found: str) -> None:
    spec = json.loads(reporting("true"))
    del spec["artifacts"]
    location = builds.upload("bad.zip", {"buildspec.yml": json.dumps(spec), **files})
    build = builds.finished(builds.start_project(builds.project(source={"type": "S3", "location": location})))
    assert build["buildStatus"] == "FAILED"
    assert found in context(build, "UPLOAD_ARTIFACTS")["message"]


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ("{files: [a.json], file-format: CUCUMBERJSON}", "does not implement CUCUMBERJSON"),
        ("{file-format: JUNITXML}", "names no files"),
        ("{file: [a.xml]}", "'reports.tests.file'"),
    ],
)
def test_a_wrong_report_is_a_yaml_error(builds: Builds, report: str, found: str) -> None:
    build = builds.run(f"version: 0.2\nphases: {{build: {{commands: [id]}}}}\nreports:\n  tests: {report}\n")
    assert found in context(build, "DOWNLOAD_SOURCE")["message"]
