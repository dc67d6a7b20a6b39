"""Check a SageMaker pipeline definition without AWS: its envelope, its references and each step's API request.

The published JSON schema refuses valid pipelines, so requests are held against botocore's model of the API that a
step calls. https://docs.aws.amazon.com/sagemaker/latest/dg/define-pipeline.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from smproject.request import Problem, check_request, operation_shape, property_problem

VERSION = "2020-12-01"
STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PARAMETER_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
EXECUTION_VARIABLES = {
    "CurrentDateTime", "PipelineArn", "PipelineExecutionArn", "PipelineExecutionId", "PipelineName", "StartDateTime",
}  # fmt: skip

# The API call of each step type, and those whose replies its properties come from; None where none is SageMaker's.
STEP_TYPES: dict[str, tuple[str, ...] | None] = {
    "Processing": ("CreateProcessingJob", "DescribeProcessingJob"),
    "Training": ("CreateTrainingJob", "DescribeTrainingJob"),
    "Tuning": (
        *("CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob"),
        "ListTrainingJobsForHyperParameterTuningJob",
    ),
    "Transform": ("CreateTransformJob", "DescribeTransformJob"),
    "AutoML": ("CreateAutoMLJobV2", "DescribeAutoMLJobV2"),
    "Model": ("CreateModel", "DescribeModel"),
    "RegisterModel": ("CreateModelPackage", "DescribeModelPackage"),
    "EndpointConfig": ("CreateEndpointConfig", "DescribeEndpointConfig"),
    "Endpoint": ("CreateEndpoint", "DescribeEndpoint"),
    **dict.fromkeys(("Condition", "Fail", "Lambda", "Callback", "EMR", "EMRServerless")),
    **dict.fromkeys(("ClarifyCheck", "QualityCheck", "NotebookJob", "MLflow")),
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What is wrong in a definition: the step, or the envelope's part, the path in it, and what to do."""

    step: str
    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.step}: {self.path}: {self.problem}" if self.path else f"{self.step}: {self.problem}"


def check(definition: Json) -> list[Finding]:
    """All findings in a definition, in its order; an empty list means that none was found."""
    if definition.get("Version") != VERSION:
        return [Finding("definition", "Version", f"is {definition.get('Version')!r}. Set it to {VERSION!r}.")]
    parameters = {each.get("Name", ""): each for each in definition.get("Parameters", [])}
    steps = list(all_steps(definition.get("Steps", [])))
    findings = [*_parameters(definition.get("Parameters", [])), *_names(steps)]
    if not steps:
        findings.append(Finding("definition", "Steps", "is empty. Add a step."))
    by_name = {step.get("Name", ""): step for step in steps}
    for step in steps:
        findings += _step(step, parameters, by_name)
    return findings + _cycles(steps)


def all_steps(steps: list[Json]) -> Iterator[Json]:
    """Steps and, after a condition, those of its branches."""
    for step in steps:
        yield step
        arguments = step.get("Arguments", {})
        yield from all_steps([*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])])


def _parameters(parameters: list[Json]) -> Iterator[Finding]:
    seen: set[str] = set()
    for parameter in parameters:
        name, kind = parameter.get("Name", ""), parameter.get("Type", "")
        where = f"parameter {name}"
        if name in seen:
            yield Finding(where, "Name", "is used twice. Rename one.")
        seen.add(name)
        if kind not in PARAMETER_TYPES:
            yield Finding(where, "Type", f"is {kind!r}. Use one of {', '.join(PARAMETER_TYPES)}.")
            continue
        default, choices = parameter.get("DefaultValue"), parameter.get("EnumValues")
        if default is not None and not isinstance(default, PARAMETER_TYPES[kind]):
            yield Finding(where, "DefaultValue", f"is {default!r}. Give a value of type {kind}.")
        if default is not None and choices and default not in choices:
            yield Finding(where, "DefaultValue", f"is {default!r}. Give one of EnumValues: {', '.join(choices)}.")


def _names(steps: list[Json]) -> Iterator[Finding]:
    names = [str(step.get("Name", "")) for step in steps]
    for name in dict.fromkeys(names):
        if not STEP_NAME.fullmatch(name):
            yield Finding(name, "Name", f"is {name!r}. Use 1 to 64 letters, digits, hyphens and underscores.")
        if names.count(name) > 1:
            yield Finding(name, "Name", f"is used {names.count(name)} times. Rename all but one.")


def _step(step: Json, parameters: Mapping[str, Json], steps: Mapping[str, Json]) -> list[Finding]:
    name, kind = step.get("Name", ""), step.get("Type", "")
    if kind not in STEP_TYPES:
        return [Finding(name, "Type", f"is {kind!r}. Use one of {', '.join(STEP_TYPES)}.")]
    if not isinstance(step.get("Arguments"), dict):
        return [Finding(name, "Arguments", "is missing. Add the request of the step.")]
    problems = [*_references(step, parameters, steps), *_property_files(step), *_nested(step)]
    calls = STEP_TYPES[kind]
    if calls:
        shape = operation_shape(calls[0])
        problems += check_request(shape, step["Arguments"], _parameter_values(parameters))
    return [Finding(name, path, problem) for path, problem in problems]


def _parameter_values(parameters: Mapping[str, Json]) -> dict[str, list[Any]]:
    """Values that a reference to a parameter may stand for, as far as the definition tells."""
    return {name: each.get("EnumValues") or _default(each) for name, each in parameters.items()}


def _default(parameter: Json) -> list[Any]:
    return [parameter["DefaultValue"]] if "DefaultValue" in parameter else []


def _nested(step: Json) -> Iterator[Problem]:
    """Condition steps within one, which SageMaker does not take.

    "Limitations": https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
    """
    for branch in ("IfSteps", "ElseSteps"):
        for index, child in enumerate(step["Arguments"].get(branch, [])):
            if child.get("Type") == "Condition":
                yield (
                    f"Arguments.{branch}[{index}]",
                    "is a condition step within one. Put its conditions into this step.",
                )


def _property_files(step: Json) -> Iterator[Problem]:
    outputs = _outputs(step)
    for index, file in enumerate(step.get("PropertyFiles", [])):
        if file.get("OutputName") not in outputs:
            found = f"is {file.get('OutputName')!r}, which is no output of the step"
            yield f"PropertyFiles[{index}].OutputName", f"{found}. Use one of {', '.join(outputs) or 'none'}."


def _outputs(step: Json) -> list[str]:
    config = step.get("Arguments", {}).get("ProcessingOutputConfig", {})
    return [output.get("OutputName", "") for output in config.get("Outputs", [])]


def _references(step: Json, parameters: Mapping[str, Json], steps: Mapping[str, Json]) -> Iterator[Problem]:
    own = {key: value for key, value in step.items() if key != "DependsOn"}
    for path, reference in gets(own):
        problem = _reference(reference, parameters, steps)
        if problem:
            yield path, problem
    for index, name in enumerate(step.get("DependsOn", [])):
        if name not in steps:
            yield (
                f"DependsOn[{index}]",
                f"names the step {name!r}, which does not exist. Use one of {', '.join(steps)}.",
            )


def gets(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every `Get` in a step with its path, those of the steps in a condition's branches left to these steps."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from gets(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield path, value["Get"]
            return
        for key, item in value.items():
            if key not in ("IfSteps", "ElseSteps"):
                yield from gets(item, f"{path}.{key}".removeprefix("."))


def _reference(reference: str, parameters: Mapping[str, Json], steps: Mapping[str, Json]) -> str | None:
    scope, _, rest = reference.partition(".")
    if scope == "Parameters":
        known = rest in parameters
        return None if known else f"refers to the parameter {rest!r}, which is not declared. Declare or correct it."
    if scope == "Execution":
        known = rest in EXECUTION_VARIABLES
        return None if known else f"refers to {reference!r}. Use one of {', '.join(sorted(EXECUTION_VARIABLES))}."
    if scope != "Steps":
        return f"refers to {reference!r}. Begin it with Parameters., Execution. or Steps."
    name, _, path = rest.partition(".")
    if name not in steps:
        return f"refers to the step {name!r}, which does not exist. Use one of {', '.join(steps)}."
    return _property(steps[name], path)


def _property(step: Json, path: str) -> str | None:
    if path.startswith("PropertyFiles."):
        file = path.removeprefix("PropertyFiles.")
        known = [each.get("PropertyFileName") for each in step.get("PropertyFiles", [])]
        return None if file in known else f"refers to the property file {file!r} of {step['Name']}. Declare it there."
    output = re.match(r"ProcessingOutputConfig\.Outputs\['([^']*)'\]", path)
    if output and output[1] not in _outputs(step):
        return f"refers to the output {output[1]!r} of {step['Name']}. It has {', '.join(_outputs(step)) or 'none'}."
    calls = STEP_TYPES.get(step.get("Type", "")) or ()
    problems = [property_problem(operation_shape(call, reply=True), path) for call in calls[1:]]
    return problems[0] if all(problems) and problems else None


def _cycles(steps: list[Json]) -> list[Finding]:
    graph: dict[str, set[str]] = {}
    for step in steps:
        referred = (reference.split(".")[1] for _, reference in gets(step) if reference.startswith("Steps."))
        graph.setdefault(step.get("Name", ""), set()).update(referred, step.get("DependsOn", []))
        arguments = step.get("Arguments") or {}
        for child in [*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])]:
            graph.setdefault(child.get("Name", ""), set()).add(step.get("Name", ""))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        return [Finding(circle[0], "", f"waits for itself: {' -> '.join(circle)}. Remove one of these references.")]
    return []
