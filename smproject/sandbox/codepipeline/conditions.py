"""Conditions of stages: what they may be, and whether an execution meets those at a stage's entry.

Sources: docs.aws.amazon.com/codepipeline/latest/userguide/stage-conditions.html, rule-reference-VariableCheck.html and
stage-rollback.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from smproject.sandbox.codepipeline.model import ConditionRun, Execution, RuleRun
from smproject.sandbox.codepipeline.variables import UnresolvedError, resolve
from smproject.sandbox.service import Request, ServiceError

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "EQ": operator.eq,
    "NE": operator.ne,
    "CONTAINS": operator.contains,
    "MATCHES": lambda variable, pattern: re.fullmatch(pattern, variable) is not None,
}
_KEYS = {"Variable", "Value", "Operator"}


def check(declaration: Request, position: int) -> None:
    """Raise ServiceError for what is wrong with the conditions of a stage, or not implemented."""
    stage = declaration["stages"][position]
    entry, failure = stage.get("beforeEntry"), stage.get("onFailure")
    if stage.get("onSuccess"):
        raise _unimplemented(stage, "onSuccess")
    if (entry or failure) and declaration["pipelineType"] != "V2":
        raise _wrong(stage, "conditions need a pipeline of pipelineType V2")
    if entry:
        _check_entry(stage, entry)
    if failure:
        if failure.get("result") != "ROLLBACK" or failure.keys() - {"result"}:
            raise _unimplemented(stage, f"onFailure other than {{result: ROLLBACK}} ({failure})")
        if declaration["executionMode"] == "PARALLEL":
            raise _wrong(stage, "a pipeline in PARALLEL mode cannot roll back a stage")
        if position == 0:
            raise _wrong(stage, "a source stage cannot be rolled back")


def _check_entry(stage: Request, entry: Request) -> None:
    if len(entry["conditions"]) != 1:
        raise _wrong(stage, f"beforeEntry has {len(entry['conditions'])} conditions, it must have one")
    condition = entry["conditions"][0]
    if condition.get("result") not in ("SKIP", "FAIL"):
        raise _wrong(stage, f"the result of beforeEntry is {condition.get('result')}; it may be SKIP or FAIL")
    if not condition.get("rules"):
        raise _wrong(stage, "the condition of beforeEntry has no rules")
    names = [rule["name"] for rule in condition["rules"]]
    if len(set(names)) < len(names):
        raise _wrong(stage, f"its rules have the same name: {', '.join(names)}")
    for rule in condition["rules"]:
        _check_rule(stage, rule)


def _check_rule(stage: Request, rule: Request) -> None:
    kind, given = rule["ruleTypeId"]["provider"], rule.get("configuration") or {}
    if kind != "VariableCheck":
        raise _unimplemented(stage, f"rules of provider {kind} (rule {rule['name']}), it has VariableCheck")
    if rule.get("commands") or rule.get("inputArtifacts"):
        raise _wrong(stage, f"rule {rule['name']} of provider VariableCheck takes no commands and no input artifacts")
    if given.keys() != _KEYS:
        raise _wrong(stage, f"rule {rule['name']} must have the configuration {', '.join(sorted(_KEYS))}")
    if given["Operator"] not in _OPERATORS:
        raise _wrong(
            stage, f"rule {rule['name']} has the Operator {given['Operator']}; there is {', '.join(_OPERATORS)}"
        )


def evaluate(stage: Request, execution: Execution) -> ConditionRun | None:
    """Run the rules at a stage's entry; all of them must succeed. None when the stage has no condition."""
    if not stage.get("beforeEntry"):
        return None
    condition = stage["beforeEntry"]["conditions"][0]
    rules = [_run(rule, execution) for rule in condition["rules"]]
    failed = [rule for rule in rules if rule.status == "Failed"]
    summary = "; ".join(f"Rule {rule.name}: {rule.summary}" for rule in failed)
    return ConditionRun(condition["result"], "Failed" if failed else "Succeeded", summary, rules)


def _run(rule: Request, execution: Execution) -> RuleRun:
    run = RuleRun(rule["name"], rule)
    try:
        run.configuration = resolve(rule["configuration"], execution)
        variable, value, name = (run.configuration[key] for key in ("Variable", "Value", "Operator"))
        met = _OPERATORS[name](variable, value)
    except (UnresolvedError, re.error) as error:
        run.status, run.summary, run.error = "Failed", str(error), {"code": "ConfigurationError", "message": str(error)}
        return run
    run.status = "Succeeded" if met else "Failed"
    run.summary = f"'{variable}' {name} '{value}' is {str(met).lower()}"
    return run


def _wrong(stage: Request, message: str) -> ServiceError:
    return ServiceError("InvalidStructureException", f"Stage {stage['name']}: {message}")


def _unimplemented(stage: Request, what: str) -> ServiceError:
    return ServiceError("InvalidStructureException", f"The sandbox does not implement {what}. (Stage {stage['name']})")
