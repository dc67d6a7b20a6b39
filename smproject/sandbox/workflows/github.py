"""Workflows of GitHub Actions, as their files say them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox import globs
from smproject.sandbox.git_issuers import GITHUB
from smproject.sandbox.workflows import keys
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.model import Job, Push, Step, Workflow, WorkflowError

FOLDER = ".github/workflows/"
_TOP = ("name", "run-name", "on", "permissions", "env", "concurrency", "defaults", "jobs")
_JOB = ("name", "if", "needs", "runs-on", "timeout-minutes", "permissions", "env", "defaults", "steps")
_STEP = ("name", "id", "if", "uses", "with", "run", "env", "shell", "timeout-minutes")
_MINUTES = 360.0
_SHELLS = {"": ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), "sh": ("sh", "-e")}


def read(file: str, text: str, push: Push) -> Workflow | None:
    """Return the workflow that a push starts; None where it starts none. Raises WorkflowError for what is not known."""
    found = keys.known(keys.load(text), file, _TOP)
    if not _starts(found.get("on"), file, push.branch):
        return None
    name = keys.text(found.get("name", file), "name")
    contexts = _contexts(push, name)
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


def _contexts(push: Push, workflow: str) -> dict[str, dict[str, str]]:
    """Return what is known before any step: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts."""
    about = {
        "actor": "developer",
        "event_name": "push",
        "ref": f"refs/heads/{push.branch}",
        "ref_name": push.branch,
        "ref_type": "branch",
        "repository": push.full_name,
        "repository_owner": push.full_name.partition("/")[0],
        "run_attempt": "1",
        "run_id": str(push.run),
        "run_number": str(push.run),
        "sha": push.commit,
        "workflow": workflow,
    }
    return {"github": about, "vars": dict(push.variables)}


def _starts(on: Any, file: str, branch: str) -> bool:
    """Tell whether a push to a branch starts the workflow; pull requests are none."""
    events = keys.mapping(on, "on") if isinstance(on, dict) else dict.fromkeys(keys.several(on, "on"))
    events = keys.known(events, f"{file}: on", ("push", "pull_request"))
    keys.known(events.get("pull_request"), "on.pull_request", ("branches", "branches-ignore", "types"))
    if "push" not in events:
        return False
    push = keys.known(events["push"], "on.push", ("branches", "branches-ignore"))
    wanted, unwanted = (keys.several(push.get(key), f"on.push.{key}") for key in ("branches", "branches-ignore"))
    if any(pattern.startswith("!") for pattern in wanted):
        raise WorkflowError("the sandbox does not implement patterns of branches that begin with !")
    ignored = any(globs.matches(branch, pattern) for pattern in unwanted)
    return not ignored and (not wanted or any(globs.matches(branch, pattern) for pattern in wanted))


def _group(found: Any, contexts: dict[str, dict[str, str]]) -> str:
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
    permissions = told.get("permissions", workflow.get("permissions"))
    return Job(
        keys.text(told.get("name", key), where),
        tuple(_step(step, f"{where}.steps[{number}]", own) for number, step in enumerate(steps)),
        keys.several(told.get("needs"), f"{where}.needs"),
        keys.text(told.get("if", "success()"), f"{where}.if"),
        keys.texts(told.get("env"), f"{where}.env"),
        keys.number(told.get("timeout-minutes", _MINUTES), f"{where}.timeout-minutes") * 60,
        permissions == "write-all" or (isinstance(permissions, dict) and permissions.get("id-token") == "write"),
    )


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
