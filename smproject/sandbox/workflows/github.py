"""Workflows of GitHub Actions, as their files say them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox import globs
from smproject.sandbox.git_issuers import GITHUB
from smproject.sandbox.git_work import Work
from smproject.sandbox.workflows import keys
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.model import Job, Step, Trigger, Workflow, WorkflowError

FOLDER = ".github/workflows/"
_TOP = ("name", "run-name", "on", "permissions", "env", "concurrency", "defaults", "jobs")
_JOB = ("name", "if", "needs", "runs-on", "timeout-minutes", "permissions", "env", "defaults", "steps")
_STEP = ("name", "id", "if", "uses", "with", "run", "env", "shell", "timeout-minutes")
_MINUTES = 360.0
_TYPES = ["opened", "synchronize", "reopened"]  # which start a workflow that names none
_ON = {"push": ("branches", "branches-ignore"), "pull_request": ("branches", "branches-ignore", "types")}
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
_SCOPES = ("actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions",
           "id-token", "issues", "models", "packages", "pages", "pull-requests", "security-events",
           "statuses")  # fmt: skip
_SHELLS = {"": ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), "sh": ("sh", "-e")}


def read(file: str, text: str, trigger: Trigger) -> Workflow | None:
    """Return the workflow that an event starts; None for none. Raises WorkflowError for what is not known."""
    found = keys.known(keys.load(text), file, _TOP)
    if not _starts(found.get("on"), file, trigger.work):
        return None
    name = keys.text(found.get("name", file), "name")
    contexts = _contexts(trigger, name)
    shell = _shell(found, file)
    jobs = {key: _job(key, job, found, shell) for key, job in keys.mapping(found.get("jobs"), "jobs").items()}
    if not jobs:
        raise WorkflowError("it has no jobs")
    for key, job in jobs.items():
        if missing := [each for each in job.needs if each not in jobs]:
            raise WorkflowError(f"job {key} needs {missing[0]}, and there is no such job")
    group = _group(found.get("concurrency"), contexts)
    notes = tuple(f"{key}: runs-on has no effect: this machine runs the job" for key in jobs)
    return Workflow(name, GITHUB, jobs, keys.texts(found.get("env"), "env"), contexts, group, notes)


def _contexts(trigger: Trigger, workflow: str) -> dict[str, dict[str, Any]]:
    """Return what is known before any step: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts."""
    work = trigger.work
    reference = work.github_reference
    about = {
        "actor": work.actor,
        "api_url": f"{trigger.host}/-/api",
        "base_ref": work.proposal.base if work.proposal else "",
        "event": dict(work.payload),
        "event_name": work.event,
        "head_ref": work.branch if work.proposal else "",
        "ref": reference,
        "ref_name": reference.split("/", 2)[2],
        "ref_type": "branch",
        "repository": work.full_name,
        "repository_owner": work.owner,
        "run_attempt": "1",
        "run_id": str(trigger.run),
        "run_number": str(trigger.run),
        "server_url": trigger.host,
        "sha": work.github_commit,
        "token": "",
        "workflow": workflow,
    }
    return {"github": about, "secrets": {"GITHUB_TOKEN": ""}, "vars": dict(trigger.variables)}


def _starts(on: Any, file: str, work: Work) -> bool:
    """Tell whether an event starts the workflow."""
    events = keys.mapping(on, "on") if isinstance(on, dict) else dict.fromkeys(keys.several(on, "on"))
    events = keys.known(events, f"{file}: on", ("push", "pull_request"))
    told = {name: keys.known(found, f"on.{name}", _ON[name]) for name, found in events.items()}
    types = keys.several(told.get("pull_request", {}).get("types", _TYPES), "on.pull_request.types")
    if unknown := sorted(set(types) - {*_TYPES, "closed"}):
        raise WorkflowError(f"the sandbox does not implement the type {unknown[0]} of on.pull_request")
    if work.event not in told or (work.proposal and work.proposal.action not in types):
        return False
    return _wants(told[work.event], f"on.{work.event}", work.proposal.base if work.proposal else work.branch)


def _wants(told: dict[str, Any], where: str, branch: str) -> bool:
    """Tell whether a branch is wanted: the one that was pushed, or that a pull request is for."""
    wanted, unwanted = (keys.several(told.get(key), f"{where}.{key}") for key in ("branches", "branches-ignore"))
    if any(pattern.startswith("!") for pattern in wanted):
        raise WorkflowError("the sandbox does not implement patterns of branches that begin with !")
    ignored = any(globs.matches(branch, pattern) for pattern in unwanted)
    return not ignored and (not wanted or any(globs.matches(branch, pattern) for pattern in wanted))


def _group(found: Any, contexts: dict[str, dict[str, Any]]) -> str:
    told = (
        {"group": found}
        if isinstance(found, str)
        else keys.known(found, "concurrency", ("group", "cancel-in-progress"))
    )
    keys.only(told, "cancel-in-progress", "concurrency", False)
    return Contexts(dict(contexts)).text(keys.text(told.get("group", ""), "concurrency.group"))


def _shell(found: dict[str, Any], where: str, default: tuple[str, ...] = _SHELLS[""]) -> tuple[str, ...]:
    """Return the shell that the defaults of a workflow or job name."""
    defaults = keys.known(found.get("defaults"), f"{where}: defaults", ("run",))
    told = keys.known(defaults.get("run"), "defaults.run", ("shell",))
    return _named_shell(told["shell"]) if "shell" in told else default


def _named_shell(name: Any) -> tuple[str, ...]:
    if name not in _SHELLS:
        raise WorkflowError(f"the sandbox does not implement the shell {name}")
    return _SHELLS[name]


def _job(key: str, found: Any, workflow: dict[str, Any], shell: tuple[str, ...]) -> Job:
    where = f"jobs.{key}"
    told = keys.known(found, where, _JOB)
    own = _shell(told, where, shell)
    steps = told.get("steps")
    if not isinstance(steps, list) or not steps or "runs-on" not in told:
        raise WorkflowError(f"{where} needs runs-on, and steps")
    return Job(
        keys.text(told.get("name", key), where),
        tuple(_step(step, f"{where}.steps[{number}]", own) for number, step in enumerate(steps)),
        keys.several(told.get("needs"), f"{where}.needs"),
        keys.text(told.get("if", "success()"), f"{where}.if"),
        keys.texts(told.get("env"), f"{where}.env"),
        keys.number(told.get("timeout-minutes", _MINUTES), f"{where}.timeout-minutes") * 60,
        _permissions(
            told.get("permissions", workflow.get("permissions", {"contents": "read"})), f"{where}.permissions"
        ),
    )


def _permissions(found: Any, where: str) -> dict[str, str]:
    """Return what a job's token may, by scope; what is not named is not allowed."""
    if found in ("read-all", "write-all"):
        return dict.fromkeys(_SCOPES, str(found).partition("-")[0])
    return keys.texts(keys.known(found, where, _SCOPES), where)


def _step(found: Any, where: str, shell: tuple[str, ...]) -> Step:
    told = keys.known(found, where, _STEP)
    if ("run" in told) is ("uses" in told):
        raise WorkflowError(f"{where} needs either run or uses")
    if "timeout-minutes" in told:
        raise WorkflowError(f"the sandbox does not implement 'timeout-minutes' of {where}")
    script, action = keys.text(told.get("run", ""), where), keys.text(told.get("uses", ""), where)
    named = keys.text(told.get("name", f"Run {action or script.strip().splitlines()[0]}"), where)
    return Step(
        named,
        keys.text(told.get("id", ""), where),
        keys.text(told.get("if", "success()"), f"{where}.if"),
        script,
        action,
        keys.texts(told.get("with"), f"{where}.with"),
        keys.texts(told.get("env"), f"{where}.env"),
        _named_shell(told["shell"]) if "shell" in told else shell,
    )
