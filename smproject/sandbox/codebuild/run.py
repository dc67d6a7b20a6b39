"""Runs one build: its phases in order, with the service role's credentials, from download to upload."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox import environments
from smproject.sandbox.codebuild import artifacts, buildspec, events, toolbox, variables
from smproject.sandbox.codebuild.buildspec import Buildspec, BuildspecError, Phase
from smproject.sandbox.codebuild.failure import PhaseFailure, refused
from smproject.sandbox.codebuild.folder import BuildFolder
from smproject.sandbox.codebuild.log import BuildLog
from smproject.sandbox.codebuild.record import Build, BuildRecord
from smproject.sandbox.codebuild.shell import Shell
from smproject.sandbox.codebuild.sources import Fetcher
from smproject.sandbox.codebuild.testing import Publisher
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import INTERRUPTED, ServiceError
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codebuild.service import CodeBuildService

LOG = logging.getLogger(__name__)


class Run:
    """A build while it runs; `artifact_settings` are the primary artifact's and then the secondary ones'."""

    credentials: Credentials
    spec: Buildspec
    TRANSIENT: ClassVar[dict[str, Any]] = {"_log": None, "_shell": None}

    def __init__(self, world: World, build: Build, artifact_settings: list[dict[str, Any]]) -> None:
        self.world, self.record, self._artifact_settings = world, BuildRecord(build), artifact_settings
        self.stop_requested = threading.Event()
        self._folder = BuildFolder(world.home / "builds" / self.record.uuid)
        self._folder.make()
        self._log = BuildLog(self._folder.control / "log")
        self._shell: Shell | None = None
        self._env: dict[str, str] = {}
        self._deadline = time.monotonic() + build["timeoutInMinutes"] * 60

    def execute(self) -> None:
        """Run the build to its end and record the outcome; nothing is raised."""
        events.state_changed(self.world, self.record.shown())
        try:
            self._phases()
            if not self.record.interrupted:
                self._attempt("FINALIZING", lambda: None)
        except Exception as error:
            LOG.exception("build %s failed in the sandbox itself", self.record.facts["id"])
            self._end(PhaseFailure("INTERNAL_SERVICE_ERROR", repr(error), "FAULT"))
        finally:
            self._clean()
        self.record.complete()
        events.state_changed(self.world, self.record.shown())

    def interrupt(self) -> None:
        """End a build whose processes are gone, unless it had ended."""
        if not self.record.facts["buildComplete"]:
            self.record.interrupt(PhaseFailure("INTERNAL_SERVICE_ERROR", INTERRUPTED, "FAULT"))
            events.state_changed(self.world, self.record.shown())

    def _clean(self) -> None:
        if self._shell:
            self._shell.close()
        self.world.containers.take_back(self._env)
        self._log.close()
        self._folder.remove()

    def _phases(self) -> None:
        for name in ("SUBMITTED", "QUEUED"):
            self._attempt(name, lambda: None)
        ready = self._attempt("PROVISIONING", self._provision) and self._attempt("DOWNLOAD_SOURCE", self._download)
        if ready and self._run_phases():
            self._attempt("UPLOAD_ARTIFACTS", self._upload)

    def _run_phases(self) -> bool:
        """Run the four phases of the buildspec; tell whether the build came as far as its artifacts."""
        for name in buildspec.PHASES:
            phase = self.spec.phases.get(name, Phase())
            succeeded = self._attempt(name.upper(), lambda phase=phase: self._run_phase(phase))  # type: ignore[misc]
            goes_on = phase.on_failure == "CONTINUE" or (not phase.on_failure and name in ("build", "post_build"))
            if self.record.interrupted or not (succeeded or goes_on):
                return False
        return True

    def _attempt(self, name: str, work: Callable[[], None]) -> bool:
        """Run a phase and record how it ended; tell whether it succeeded."""
        self.record.begin(name)
        failure = None
        try:
            self._check()
            work()
        except PhaseFailure as error:
            failure = error
        except ClientError as error:
            failure = self._refused(error)
        except BotoCoreError as error:
            failure = PhaseFailure("CLIENT_ERROR", str(error))
        self._end(failure)
        return failure is None

    def _refused(self, error: ClientError) -> PhaseFailure:
        return refused(error, f"{error.operation_name} as {self.record.facts['serviceRole']}")

    def _end(self, failure: PhaseFailure | None) -> None:
        phase = self.record.end(failure)
        context = phase["contexts"][0]
        self._log.note(f"Phase complete: {phase['phaseType']} State: {phase['phaseStatus']}")
        self._log.note(f"Phase context status code: {context['statusCode']} Message: {context['message']}")
        events.phase_changed(self.world, self.record.shown(), phase)

    def _check(self) -> None:
        """End the phase when someone stops the build or its time is up."""
        if self.stop_requested.is_set():
            raise PhaseFailure("", "", "STOPPED")
        if time.monotonic() > self._deadline:
            raise PhaseFailure("BUILD_TIMED_OUT", "Build has timed out. ", "TIMED_OUT")

    def _client(self, service: str) -> Any:
        return self.world.client(service, self.credentials, self._region)

    @property
    def _region(self) -> str:
        return str(self.record.facts["arn"].split(":")[3])

    def _provision(self) -> None:
        facts = self.record.facts
        try:
            session = f"AWSCodeBuild-{self.record.uuid}"
            project = facts["arn"].rpartition(":")[0].replace(":build/", ":project/")
            self.credentials = self.world.assume(facts["serviceRole"], "codebuild.amazonaws.com", session, project)
        except ServiceError as error:
            raise PhaseFailure("ACCESS_DENIED", f"CodeBuild can't use its service role. {error.message}") from error
        lent = self.world.containers.lend(self.credentials, self.world.endpoint)
        hidden = (self.credentials.secret_key, self.credentials.token, lent["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
        self._log.secrets |= {each for each in hidden if each}
        self._log.note("Running in the sandbox: processes of this machine, no container")
        if "groupName" in facts["logs"]:
            self._log.follow(self._client("logs"), facts["logs"]["groupName"], facts["logs"]["streamName"])
        environments.throwaway(self._folder.python, environments.host_packages())
        docker = toolbox.Docker(self.world.home / "images", self._folder.root / "tags")
        docker.write(self._folder.python / "bin", privileged=bool(facts["environment"].get("privilegedMode")))
        self._env = {
            **variables.machine(self._folder, self.world.home / "toolbox"),
            **variables.aws(self._region, self.world.endpoint),
            **variables.git(self.credentials, self.world.endpoint, self._region),
            **lent,
        }

    def _download(self) -> None:
        self._log.note("Phase is DOWNLOAD_SOURCE")
        facts = self.record.facts
        fetcher = Fetcher(self._client("s3"), self.world.processes, self._env, self._check)
        resolved = fetcher.fetch(facts["source"], facts.get("sourceVersion", ""), self._folder.source())
        versions = {v["sourceIdentifier"]: v["sourceVersion"] for v in facts.get("secondarySourceVersions", [])}
        for source in facts.get("secondarySources", []):
            name = source["sourceIdentifier"]
            fetcher.fetch(source, versions.get(name, ""), self._folder.source(name))
        try:
            self.spec = buildspec.parse(self._buildspec())
        except BuildspecError as error:
            raise PhaseFailure("YAML_FILE_ERROR", str(error)) from error
        for note in self.spec.notes:
            self._log.note(note)
        self._set_variables(resolved)
        amazon = "amazonlinux" in facts["environment"]["image"]  # its sh is bash, Ubuntu's is not
        program = "bash" if amazon else self.spec.shell
        self._shell = Shell(self.world.processes, program, self._folder, dict(self._env), self._log.file)

    def _buildspec(self) -> str:
        """Return the buildspec's text: written into the project, or a file of the source or of S3."""
        given = str(self.record.facts["source"].get("buildspec") or "buildspec.yml")
        if "\n" in given:
            return given
        if given.startswith("arn:"):
            bucket, _, key = given.rpartition(":")[2].partition("/")
            return str(self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        self._log.note(f"YAML location is {given}")
        file = self._folder.source() / given
        if not file.is_file():
            raise BuildspecError(f"stat {given}: no such file or directory in the source")
        return file.read_text()

    def _set_variables(self, resolved: str) -> None:
        facts = self.record.facts
        try:
            user = variables.users(self.spec, facts, self._client("ssm"), self._client("secretsmanager"))
        except (KeyError, ValueError) as error:
            raise PhaseFailure("CLIENT_ERROR", f"a secret has no such JSON key: {error}") from error
        # CodePipeline knows the revision of what it put into S3, and says so in this variable.
        if resolved := resolved or user.values.get("CODEBUILD_RESOLVED_SOURCE_VERSION", ""):
            self.record.change(resolvedSourceVersion=resolved)
        if initiator := user.values.get("CODEBUILD_INITIATOR"):
            self.record.change(initiator=initiator)
        self._log.secrets |= user.secrets
        self._env |= variables.codebuild(facts, self._folder) | user.values

    def _run_phase(self, phase: Phase) -> None:
        self._log.note(f"Entering phase {self.record.facts['currentPhase']}")
        succeeding = int(self.record.status == "IN_PROGRESS")
        self._run(f"export CODEBUILD_BUILD_SUCCEEDING={succeeding}")
        failures = [self._run_commands(phase.commands), self._run_commands(phase.finally_commands)]
        for failure in failures:
            if failure:
                raise failure

    def _run_commands(self, commands: list[str]) -> PhaseFailure | None:
        """Run commands up to the first that fails; return that failure."""
        for command in commands:
            self._log.note(f"Running command {command}")
            status = self._run(command)
            if status:
                self._log.note(f"Command did not exit successfully {command} exit status {status}")
                message = f"Error while executing command: {command}. Reason: exit status {status}"
                return PhaseFailure("COMMAND_EXECUTION_ERROR", message)
        return None

    def _run(self, command: str) -> int:
        """Run a command; what it exported is noted at once, so that a build that fails later has it too."""
        assert self._shell is not None  # noqa: S101 - the phases with commands come after the download
        status = self._shell.run(command, self._check)
        self._env |= self._shell.environment()
        exported = [{"name": name, "value": self._env[name]} for name in self.spec.exported if name in self._env]
        self.record.change(exportedEnvironmentVariables=exported)
        return status

    def _upload(self) -> None:
        upload = artifacts.Upload(self._client("s3"), self.record.facts, self._folder.source(), self._env)
        failure = self._report(upload)
        primary, *secondary = self._artifact_settings
        done = upload.send(primary, self.spec.artifacts.get(""), self._log.note)
        self.record.change(artifacts=done or {"location": ""})
        named = [upload.send(s, self.spec.artifacts.get(s["artifactIdentifier"]), self._log.note) for s in secondary]
        self.record.change(secondaryArtifacts=[artifact for artifact in named if artifact])
        if failure:
            raise failure

    def _report(self, upload: artifacts.Upload) -> PhaseFailure | None:
        """Publish the test reports; return what went wrong, which must not keep the artifacts here."""
        service = cast("CodeBuildService", self.world.services["codebuild"])
        files, note = upload.collect, self._log.note
        publisher = Publisher(self._client("codebuild"), service.reports, self.record.facts, files, note)
        try:
            self.record.change(reportArns=publisher.publish(self.spec.reports))
        except PhaseFailure as error:
            return error
        except ClientError as error:
            return self._refused(error)
        return None
