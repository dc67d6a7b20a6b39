"""Starts the workflows of a push, and keeps what became of them with the repository."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from smproject.sandbox.git_issuers import Work
from smproject.sandbox.service import INTERRUPTED, now
from smproject.sandbox.workflows import actions, github, gitlab
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.job import JobRun
from smproject.sandbox.workflows.log import RunLog
from smproject.sandbox.workflows.model import Push, Workflow, WorkflowError
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.git_hosts import Hosted

LOG = logging.getLogger(__name__)


class Runs:
    """The runs of all repositories; those of one group wait for one another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last: dict[tuple[str, str], threading.Thread] = {}
        self._lock = threading.Lock()

    def pushed(self, repository: Hosted, work: Work) -> None:
        """Start what a pushed commit's workflow files say; a file that can't be run is a run that failed."""
        for path, text in _files(repository, work.commit):
            with self._lock:
                self._start(repository, work, path, text)

    def _start(self, repository: Hosted, work: Work, path: str, text: str) -> None:
        number = len(repository.runs) + 1
        record = _record(number, path, work)
        push = Push(work.full_name, work.branch, work.commit, number, dict(repository.variables))
        try:
            workflow = gitlab.read(text, push) if path == gitlab.FILE else github.read(path, text, push)
            if workflow is None:
                return
            _check(workflow)
        except WorkflowError as error:
            _log(repository, number).note(f"Error: {path}: {error}")
            repository.runs.append(record | _ended("failure", f"{path}: {error}"))
            return
        record["workflow"] = workflow.name
        repository.runs.append(record)
        before = self._last.get((work.full_name, workflow.group)) if workflow.group else None
        run = Run(self._world, repository, work, workflow, record)

        def wait_and_execute() -> None:
            if before:
                before.join()
            run.execute()

        thread = self._world.background(f"workflow {work.full_name} {number}", wait_and_execute)
        self._last[work.full_name, workflow.group] = thread


class Run:
    """One run of a workflow; its jobs run one by one, in the order of their needs."""

    def __init__(
        self, world: World, repository: Hosted, work: Work, workflow: Workflow, record: dict[str, Any]
    ) -> None:
        self._world, self._repository, self._work, self._workflow = world, repository, work, workflow
        self._record = record
        self._log = _log(repository, record["id"])

    def execute(self) -> None:
        """Run the jobs and record how they ended; nothing is raised."""
        self._change(status="in_progress")
        for note in self._workflow.notes:
            self._log.note(note)
        try:
            conclusions = self._jobs()
            failed = "failure" in conclusions.values()
            self._change(**_ended("failure" if failed else "success", self._record["message"]))
        except WorkflowError as error:
            self._change(**_ended("failure", str(error)))
        except Exception as error:
            LOG.exception("a workflow of %s failed in the sandbox itself", self._work.full_name)
            self._change(**_ended("failure", f"the sandbox failed: {error!r}"))

    def _jobs(self) -> dict[str, str]:
        """Run each job once those are done that it needs; return how each ended."""
        conclusions: dict[str, str] = {}
        waiting = dict(self._workflow.jobs)
        while waiting:
            ready = [key for key, job in waiting.items() if set(job.needs) <= conclusions.keys()]
            if not ready:
                raise WorkflowError(f"the jobs {', '.join(waiting)} need one another")
            for key in ready:
                conclusions[key] = self._job(key, conclusions)
                del waiting[key]
        return conclusions

    def _job(self, key: str, conclusions: dict[str, str]) -> str:
        job = self._workflow.jobs[key]
        record: dict[str, Any] = {"name": job.name, "conclusion": "skipped", "steps": []}
        self._record["jobs"].append(record)
        succeeded = all(conclusions[need] == "success" for need in job.needs)
        if Contexts(dict(self._workflow.contexts), succeeded).holds(job.condition):
            self._log.note(f"= {job.name}")
            run = JobRun(self._world, self._repository.git, self._work, self._workflow, job, self._log, record)
            record["conclusion"] = "success" if run.execute() else "failure"
            self._change(summary=self._record["summary"] + run.summary)
        return str(record["conclusion"])

    def _change(self, **facts: Any) -> None:
        self._record.update(facts)
        self._world.touched("codeconnections", "", "UpdateRun")


def interrupt(record: dict[str, Any]) -> None:
    """End a run that a stop of the sandbox has cut off."""
    if record["status"] != "completed":
        record.update(_ended("failure", INTERRUPTED))


def text_of(repository: Hosted, number: int) -> str:
    """Return what a run has printed so far."""
    file = repository.git.path / "runs" / f"{number}.log"
    return file.read_text(errors="replace") if file.exists() else ""


def _files(repository: Hosted, commit: str) -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of a commit's workflow files."""
    for file in repository.git.files(commit):
        is_github = file.path.startswith(github.FOLDER) and file.path.endswith((".yml", ".yaml"))
        if is_github or file.path == gitlab.FILE:
            yield file.path, repository.git.content(file.blob).decode(errors="replace")


def _check(workflow: Workflow) -> None:
    """Raise WorkflowError for an action or an expression that is not known, before anything runs."""
    contexts = Contexts({**workflow.contexts, "env": {}, "steps": {}})
    for job in workflow.jobs.values():
        contexts.holds(job.condition)
        for step in job.steps:
            if step.action:
                actions.find(step)
            contexts.holds(step.condition)
            for text in (step.script, *step.inputs.values(), *step.env.values(), *job.env.values()):
                contexts.text(text)


def _record(number: int, path: str, work: Work) -> dict[str, Any]:
    return {
        "id": number,
        "file": path,
        "workflow": "",
        "event": work.event,
        "branch": work.branch,
        "commit": work.commit,
        "created": now().isoformat(timespec="seconds"),
        "status": "queued",
        "conclusion": "",
        "message": "",
        "jobs": [],
        "summary": "",
    }


def _ended(conclusion: str, message: str) -> dict[str, str]:
    return {"status": "completed", "conclusion": conclusion, "message": message}


def _log(repository: Hosted, number: int) -> RunLog:
    return RunLog(repository.git.path / "runs" / f"{number}.log")
