"""Pipelines of GitLab CI, as their file says them.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smproject.sandbox.git_issuers import GITLAB
from smproject.sandbox.git_work import Proposal, Work
from smproject.sandbox.workflows import keys
from smproject.sandbox.workflows.expressions import Contexts
from smproject.sandbox.workflows.model import Artifacts, Job, Step, Trigger, Workflow, WorkflowError

FILE = ".gitlab-ci.yml"
_TOP = ("stages", "default", "variables")
_DEFAULT = ("image", "interruptible", "before_script", "timeout")
_JOB = (*_DEFAULT, "artifacts", "stage", "rules", "services", "variables", "id_tokens", "resource_group", "script")
_ARTIFACTS = ("paths", "expose_as", "when", "expire_in")
_KEYWORDS = {"after_script", "before_script", "cache", "image", "include", "services", "spec", "workflow"}
_WITHOUT_EFFECT = ("image", "services")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_SHELL = ("bash", "-eo", "pipefail")
_DEPTH = "20"  # of clones, as projects have it that change nothing


def read(text: str, trigger: Trigger) -> Workflow | None:
    """Return the pipeline that an event starts; None where no job's rules hold. Raises WorkflowError."""
    found = keys.load(text)
    top = {key: found.pop(key) for key in _TOP if key in found}
    if refused := sorted(_KEYWORDS & found.keys()):
        raise WorkflowError(f"the sandbox does not implement {refused[0]!r} of {FILE}")
    default = keys.known(top.get("default"), "default", _DEFAULT)
    stages = keys.several(top.get("stages", ["build", "test", "deploy"]), "stages")
    # A job whose name begins with a dot does not run.
    told = {key: default | keys.known(job, key, _JOB) for key, job in found.items() if not key.startswith(".")}
    stage = {key: _stage(job, key, stages) for key, job in told.items()}
    jobs: dict[str, Job] = {}
    for key in sorted(told, key=stage.__getitem__):
        keys.only(told[key], "interruptible", key, False)
        env = _variables(trigger, top, told[key], key)
        if _rules(told[key].get("rules"), key, env, without=trigger.work.proposal is None):
            jobs[key] = _job(key, told[key], env, tuple(name for name in jobs if stage[name] < stage[key]))
    # Jobs of one resource group run one by one: here, the whole pipelines do.
    group = "".join(keys.text(told[key].get("resource_group", ""), key) for key in jobs)
    ignored = [(key, name) for key in jobs for name in _WITHOUT_EFFECT if name in told[key]]
    notes = tuple(f"{key}: {name} has no effect: this machine runs the job" for key, name in ignored)
    return Workflow("pipeline", GITLAB, jobs, group=group, notes=notes) if jobs else None


def _variables(trigger: Trigger, top: Mapping[str, Any], job: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return a job's variables: what the owner has set outweighs what the job says, and that what the file says."""
    of_file = keys.texts(top.get("variables"), "variables")
    of_job = keys.texts(job.get("variables"), f"{key}.variables")
    own = {"CI_JOB_NAME": key, "CI_JOB_STAGE": str(job.get("stage", "test"))}
    return {**_predefined(trigger), **own, **of_file, **of_job, **trigger.variables}


def _predefined(trigger: Trigger) -> dict[str, str]:
    """Return the variables that GitLab sets: https://docs.gitlab.com/ci/variables/predefined_variables/."""
    work = trigger.work
    return {
        "CI": "true",
        "CI_COMMIT_REF_NAME": work.branch,
        "CI_COMMIT_SHA": work.commit,
        "CI_PIPELINE_ID": str(trigger.run),
        "CI_PROJECT_PATH": work.full_name,
        "CI_SERVER_URL": trigger.host,
        "GIT_DEPTH": _DEPTH,
        "GITLAB_CI": "true",
        **(_merge_request(work, work.proposal) if work.proposal else {"CI_COMMIT_BRANCH": work.branch}),
        "CI_PIPELINE_SOURCE": "merge_request_event" if work.proposal else "push",
    }


def _merge_request(work: Work, proposal: Proposal) -> dict[str, str]:
    """Return the variables of pipelines of merge requests."""
    return {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": proposal.merge_base,
        "CI_MERGE_REQUEST_IID": str(proposal.number),
        "CI_MERGE_REQUEST_REF_PATH": f"refs/merge-requests/{proposal.number}/head",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": work.branch,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": proposal.base,
        "CI_MERGE_REQUEST_TITLE": proposal.title,
    }


def _stage(job: Mapping[str, Any], key: str, stages: tuple[str, ...]) -> int:
    stage = job.get("stage", "test")
    if stage not in stages:
        raise WorkflowError(f"job {key} is of stage {stage}, and there is no such stage")
    return stages.index(stage)


def _rules(found: Any, key: str, variables: Mapping[str, str], *, without: bool) -> bool:
    """Tell whether a job runs: by the first of its rules that holds, or, for a push, `without` any."""
    if found is None:
        return without
    rules = found if isinstance(found, list) else [found]
    return any(_holds(keys.known(rule, f"{key}.rules", ("if",)).get("if", "true"), variables) for rule in rules)


def _holds(condition: Any, variables: Mapping[str, str]) -> bool:
    """Tell whether a rule's condition holds: variables and texts, compared."""
    source = keys.text(condition, "if").replace('"', "'")
    return Contexts({"vars": variables}).holds(_VARIABLE.sub(lambda name: f"vars.{name[1] or name[2]}", source))


def _job(key: str, told: Mapping[str, Any], env: Mapping[str, str], needs: tuple[str, ...]) -> Job:
    script = [*keys.several(told.get("before_script"), key), *keys.several(told.get("script"), key)]
    if not script:
        raise WorkflowError(f"job {key} has no script")
    tokens = {name: _audience(each, f"{key}.id_tokens.{name}")
              for name, each in keys.mapping(told.get("id_tokens"), f"{key}.id_tokens").items()}  # fmt: skip
    return Job(
        key,
        (_checkout(env), Step("Execute script", script="\n".join(script), shell=_SHELL)),
        needs,
        env=env,
        seconds=_seconds(told.get("timeout", "1h"), key),
        permissions={"contents": "read"},
        tokens=tokens,
        artifacts=_artifacts(told.get("artifacts"), f"{key}.artifacts"),
    )


def _artifacts(found: Any, where: str) -> Artifacts:
    """Return what a job leaves; it never expires here, and is exposed with the run."""
    told = keys.known(found, where, _ARTIFACTS)
    keys.only(told, "when", where, "on_success", "on_failure", "always")
    paths = tuple(path.rstrip("/") for path in keys.several(told.get("paths"), f"{where}.paths"))
    return Artifacts(paths, told.get("when", "on_success"))


def _checkout(env: Mapping[str, str]) -> Step:
    return Step("Get sources", action="actions/checkout", inputs={"fetch-depth": env["GIT_DEPTH"]})


def _audience(found: Any, where: str) -> str:
    return keys.text(keys.known(found, where, ("aud",)).get("aud"), f"{where}.aud")


def _seconds(found: Any, key: str) -> float:
    parts = re.fullmatch(r"(\d+)\s*([hms])\w*", keys.text(found, f"{key}.timeout"))
    if parts is None:
        raise WorkflowError(f"the sandbox does not implement timeout: {found} of {key}")
    return int(parts[1]) * _UNITS[parts[2]]


def expanded(env: Mapping[str, str]) -> dict[str, str]:
    """Return variables whose values name others, with these in their place; one that names itself names nothing."""
    return {name: _expanded(text, env, {name}) for name, text in env.items()}


def _expanded(text: str, env: Mapping[str, str], seen: set[str]) -> str:
    def put(hole: re.Match[str]) -> str:
        name = hole[1] or hole[2]
        return "" if name in seen else _expanded(env.get(name, ""), env, {*seen, name})

    return _VARIABLE.sub(put, text)
