"""Starts the workflows of an event, and keeps what became of them with the repository."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from smproject.sandbox import git_tokens
from smproject.sandbox.git_work import Work
from smproject.sandbox.service import INTERRUPTED, now
from smproject.sandbox.workflows import actions, github, gitlab
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.job import JobRun
from smproject.sandbox.workflows.log import RunLog
from smproject.sandbox.workflows.model import Trigger, Workflow, WorkflowError
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.git_hosted import Hosted

LOG = logging.getLogger(__name__)
Record = dict[str, Any]
_GITHUB = re.compile(rf"{re.escape(github.FOLDER)}.+\.ya?ml")
_PROPOSING = ("opened", "synchronize")


class Runs:
    """The runs of all repositories; those of one group wait for one another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last: dict[tuple[str, str], threading.Thread] = {}
        self._lock = threading.Lock()

    def delivered(self, repository: Hosted, delivery: str, work: Work) -> list[str]:
        """Start the workflows of an event, but none twice for one delivery; return what was started."""
        with self._lock:
            known = {each["file"] for each in repository.runs if each["delivery"] == delivery}
            files = [(path, text) for path, text in _files(repository, work) if path not in known]
            records = [self._start(repository, delivery, work, path, text) for path, text in files]
        return [f"run {record['id']} of {record['file']}" for record in records if record]

    def _start(self, repository: Hosted, delivery: str, work: Work, path: str, text: str) -> Record | None:
        """Start what a file says; a file that can't be run is a run that failed."""
        number = len(repository.runs) + 1
        record = _record(number, delivery, path, work)
        trigger = Trigger(work, number, dict(repository.variables), f"{self._world.endpoint}/_git")
        try:
            workflow = gitlab.read(text, trigger) if path == gitlab.FILE else github.read(path, text, trigger)
            if workflow is None:
                return None
            _check(workflow)
        except WorkflowError as error:
            _log(repository, number).note(f"Error: {path}: {error}")
            repository.runs.append(record | _ended("failure", f"{path}: {error}"))
            return record
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
        return record


class Run:
    """One run of a workflow; its jobs run one by one, in the order of their needs."""

    def __init__(self, world: World, repository: Hosted, work: Work, workflow: Workflow, record: Record) -> None:
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
        record: Record = {"name": job.name, "conclusion": "skipped", "steps": []}
        self._record["jobs"].append(record)
        succeeded = all(conclusions[need] == "success" for need in job.needs)
        if Contexts(dict(self._workflow.contexts), succeeded).holds(job.condition):
            self._log.note(f"= {job.name}")
            shelf = self._repository.git.path / "runs" / f"{self._record['id']}-artifacts"
            run = JobRun(self._world, self._work, self._workflow, job, self._log, record, shelf)
            record["conclusion"] = "success" if run.execute() else "failure"
            self._change(summary=self._record["summary"] + run.summary)
        return str(record["conclusion"])

    def _change(self, **facts: Any) -> None:
        self._record.update(facts)
        self._world.touched("codeconnections", "", "UpdateRun")


def interrupt(record: Record) -> None:
    """End a run that a stop of the sandbox has cut off."""
    if record["status"] != "completed":
        record.update(_ended("failure", INTERRUPTED))


def text_of(repository: Hosted, number: int) -> str:
    """Return what a run has printed so far."""
    file = repository.git.path / "runs" / f"{number}.log"
    return file.read_text(errors="replace") if file.exists() else ""


def _files(repository: Hosted, work: Work) -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the workflow files that an event may start.

    GitHub reads those of the commit that merges a pull request, and none where there is no such commit, or where a
    job's token has done it; GitLab reads that of the proposed commit, once it is proposed.
    """
    if work.tag:
        return
    if work.github_commit and work.actor != git_tokens.ACTOR:
        yield from _read(repository, work.github_commit, lambda path: bool(_GITHUB.fullmatch(path)))
    if work.proposal is None or work.proposal.action in _PROPOSING:
        yield from _read(repository, work.commit, lambda path: path == gitlab.FILE)


def _read(repository: Hosted, commit: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    for file in repository.git.files(commit):
        if wanted(file.path):
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


def _record(number: int, delivery: str, path: str, work: Work) -> Record:
    return {
        "id": number,
        "delivery": delivery,
        "file": path,
        "workflow": "",
        "event": work.event,
        "pull_request": work.proposal.number if work.proposal else None,
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
