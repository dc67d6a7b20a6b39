"""Runs one job: its steps in their order, as programs of this machine, in a folder of their own."""

from __future__ import annotations

import json
import signal
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from smproject.sandbox import environments, git_issuers, git_tokens
from smproject.sandbox.codebuild import toolbox, variables
from smproject.sandbox.codebuild.folder import BuildFolder
from smproject.sandbox.git_issuers import GITLAB
from smproject.sandbox.git_tokens import Grant
from smproject.sandbox.git_work import Work
from smproject.sandbox.processes import signal_group
from smproject.sandbox.workflows import actions, artifacts, commands, gitlab
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.log import RunLog
from smproject.sandbox.workflows.model import Job, Step, Workflow, WorkflowError
from smproject.sandbox.world import World

_FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")


class StepFailure(Exception):
    """A step failed; the message says why."""


class JobRun:
    """A job while it runs; `record` tells its steps and how they ended, `shelf` has what the run's jobs keep."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a job needs
        self,
        world: World,
        work: Work,
        workflow: Workflow,
        job: Job,
        log: RunLog,
        record: dict[str, Any],
        shelf: Path,
    ) -> None:
        self.world, self.work, self.log = world, work, log
        self.job, self._workflow, self._record, self._shelf = job, workflow, record, shelf
        at_gitlab = workflow.issuer == GITLAB
        self.commit = work.commit if at_gitlab else work.github_commit
        self.reference = work.gitlab_reference if at_gitlab else work.github_reference
        self.api_token = git_tokens.issue(world.home, Grant(work.full_name, job.permissions), job.seconds)
        log.secrets |= {self.api_token, self.basic_credentials}
        self.summary = ""
        self.env: dict[str, str] = {}  # what steps have set for those after them
        self._steps: dict[str, Any] = {}
        self._folder = BuildFolder(world.home / "builds" / f"workflow-{uuid.uuid4().hex}")
        self._succeeded = True
        self._deadline = time.monotonic() + job.seconds

    @property
    def workspace(self) -> str:
        """The folder in which steps work."""
        return str(self._folder.source())

    @property
    def clone_url(self) -> str:
        """The repository's address."""
        return f"{self.world.endpoint}/_git/{self.work.full_name}.git"

    @property
    def basic_credentials(self) -> str:
        """The job's token, as git shows it."""
        return b64encode(f"{git_tokens.USER}:{self.api_token}".encode()).decode()

    def execute(self) -> bool:
        """Run the steps; tell whether all that ran succeeded."""
        self._folder.make()
        try:
            environments.throwaway(self._folder.python, environments.host_packages())
            docker = toolbox.Docker(self.world.home / "images", self._folder.root / "tags")
            docker.write(self._folder.python / "bin", privileged=True)
            for step in self.job.steps:
                self._attempt(step)
            self._keep()
        finally:
            self._folder.remove()
        return self._succeeded

    def bring_artifacts(self) -> None:
        """Put what the jobs have kept that this one needs into the workspace."""
        artifacts.bring((self._shelf / name for name in self.job.needs), self._folder.source())

    def _keep(self) -> None:
        to = self._shelf / self.job.name
        kept = artifacts.keep(self.job.artifacts, self._folder.source(), to, succeeded=self._succeeded)
        self._record["artifacts"] = kept

    def token(self, audience: str) -> str:
        """Return a token by which the job says who it is, as long as it may run."""
        seconds = self.job.seconds if self._workflow.issuer == GITLAB else git_issuers.SECONDS
        return git_issuers.token(self.world.home, self._workflow.issuer, self.work, audience, seconds)

    def _attempt(self, step: Step) -> None:
        """Run a step, unless its condition keeps it from running, and record how it ended."""
        record = {"name": step.name, "conclusion": "skipped"}
        self._record["steps"].append(record)
        try:
            if self._contexts().holds(step.condition):
                self.log.note(f"== {step.name}")
                self._run(step)
                record["conclusion"] = "success"
        except (StepFailure, WorkflowError) as error:
            record["conclusion"], self._succeeded = "failure", False
            self.log.note(f"Error: {error}")

    def _contexts(self) -> Contexts:
        env = {**self._workflow.env, **self.job.env, **self.env}
        given: dict[str, Mapping[str, Any]] = {**self._workflow.contexts, "env": env, "steps": self._steps}
        if "github" in given:
            given["github"] = {**given["github"], "token": self.api_token}
            given["secrets"] = {"GITHUB_TOKEN": self.api_token}
        return Contexts(given, self._succeeded)

    def _run(self, step: Step) -> None:
        contexts = self._contexts()
        if step.action:
            inputs = {name: contexts.text(value) for name, value in step.inputs.items()}
            actions.find(step)(self, inputs)
            return
        env = self._environment(step, contexts)
        for name in _FILES:
            (self._folder.control / name).write_text("")
        status = self._shell(step, contexts.text(step.script), env)
        self._take(step)
        if status:
            raise StepFailure(f"Process completed with exit code {status}.")

    def _environment(self, step: Step, contexts: Contexts) -> dict[str, str]:
        """Return a step's environment: the machine's, then what workflow, job, earlier steps and it set."""
        machine = variables.machine(self._folder, self.world.home / "toolbox")
        machine |= {"AWS_ENDPOINT_URL": self.world.endpoint, "AWS_EC2_METADATA_DISABLED": "true", "CI": "true"}
        given = {**self._workflow.env, **self.job.env, **self.env, **step.env}
        own = {name: contexts.text(value) for name, value in given.items()}
        if self._workflow.issuer == GITLAB:
            tokens = {name: self.token(audience) for name, audience in self.job.tokens.items()}
            self.log.secrets |= set(tokens.values())
            return machine | gitlab.expanded({**own, "CI_PROJECT_DIR": self.workspace}) | tokens
        told = self._workflow.contexts["github"]
        facts = {f"GITHUB_{name.upper()}": text for name, text in told.items() if name not in ("event", "token")}
        event = self._folder.control / "event.json"
        event.write_text(json.dumps(told["event"]))
        files = {"GITHUB_EVENT_PATH": str(event), **{name: str(self._folder.control / name) for name in _FILES}}
        return machine | facts | files | {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": self.workspace} | own

    def _take(self, step: Step) -> None:
        """Take up what a step has told by its files."""
        told = {name: (self._folder.control / name).read_text() for name in _FILES}
        if told["GITHUB_PATH"]:
            raise WorkflowError("the sandbox does not implement GITHUB_PATH")
        self.env |= commands.values(told["GITHUB_ENV"], "GITHUB_ENV")
        if step.id:
            self._steps[step.id] = {"outputs": commands.values(told["GITHUB_OUTPUT"], "GITHUB_OUTPUT")}
        self.summary += told["GITHUB_STEP_SUMMARY"]

    def _shell(self, step: Step, script: str, env: dict[str, str]) -> int:
        file = self._folder.control / "script"
        file.write_text(f"{script}\n")
        return self.program([*step.shell, str(file)], env)

    def program(self, command: list[str], env: dict[str, str]) -> int:
        """Run a program in the workspace; return its exit status. Raises StepFailure when the job's time is up."""
        with self.log.output() as output:
            process = self.world.processes.start(command, cwd=self._folder.source(), env=env, output=output)
            try:
                while process.poll() is None:
                    with suppress(TimeoutExpired):
                        process.wait(1.0)
                    if time.monotonic() > self._deadline:
                        signal_group(process, signal.SIGKILL)
                        raise StepFailure(f"The job has exceeded its time of {self.job.seconds / 60:g} minutes.")
                return process.returncode
            finally:
                self.world.processes.forget(process)
