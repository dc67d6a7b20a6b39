"""The pipelines of a template: its CodePipelines, and the SageMaker pipelines of its seeds.

SageMaker pipelines are read from the reviewed definitions in tests/golden: the tests compare those with what compiles,
and reading them takes milliseconds, where compiling takes seconds and the SageMaker SDK.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from smproject.catalog import Template
from smproject.choices import choices
from smproject.looking.graph import Graph, Node
from smproject.looking.reading import mappings, read, written
from smproject.seeds import seed_files


@dataclass(frozen=True)
class Step:
    """A step of a SageMaker pipeline: what it waits for, with the branch taken if there is one, and its instances.

    `instance_parameter` names the parameter of the pipeline that decides about their type; empty when none does.
    """

    name: str
    type: str
    after: Mapping[str, str]
    instances: int = 0
    instance_type: str = ""
    instance_parameter: str = ""


@dataclass(frozen=True)
class Pipeline:
    """A SageMaker pipeline: its module under pipelines/, and its steps."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Action:
    """An action of a CodePipeline; those of the same stage and order run at once."""

    stage: str
    order: int
    name: str
    provider: str
    role: str
    stack: str
    project: str


@dataclass(frozen=True)
class Delivery:
    """A CodePipeline: its logical id, its actions in order, and for which conditions of the template these are so."""

    id: str
    actions: tuple[Action, ...]
    when: Mapping[str, bool]

    @property
    def title(self) -> str:
        """Its id, with the conditions in words."""
        words = [f"if {name}" if met else f"unless {name}" for name, met in self.when.items()]
        return ", ".join([self.id, *words])


def sagemaker_pipelines(template: Template, given: Mapping[str, str] | None = None) -> list[Pipeline]:
    """Pipelines of a template's seeds which have a reviewed definition, as its parameters choose among them.

    `given` are values of parameters; others have their defaults. Those that differ in no step come once. There are none
    where nothing may run them: a tooling account builds what another account runs.
    """
    content = read(template.path)
    if "sagemaker.amazonaws.com" not in _assuming(content["Resources"]):
        return []
    paths = [path for seed in template.seeds for path in seed_files(template, seed)]
    names = {".".join(Path(path).parts[1:-1]) for path in paths if Path(path).match("pipelines/*/*/pipeline.py")}
    found: dict[str, Pipeline] = {}
    values = given or {}
    chosen = {name: values.get(each.parameter, each.default) for name, each in choices(content).items()}
    for name, variables, definition in _reviewed(template.root):
        if name in names and all(chosen.get(key, value) == value for key, value in variables.items()):
            pipeline = Pipeline(name, tuple(_steps(definition["Steps"], {}, _defaults(definition))))
            found.setdefault(repr(pipeline), pipeline)
    return list(found.values())


def _assuming(resources: Mapping[str, Any]) -> set[str]:
    """Services that may assume a role of a template."""
    roles = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::IAM::Role"]
    found = mappings([each["AssumeRolePolicyDocument"] for each in roles])
    return {str(each["Service"]) for each in found if "Service" in each}


def deliveries(resources: Mapping[str, Any]) -> list[Delivery]:
    """Every CodePipeline among a template's resources; one whose stages depend on conditions, once for each case."""
    found = []
    for key, each in resources.items():
        if each["Type"] == "AWS::CodePipeline::Pipeline":
            stages = each["Properties"]["Stages"]
            names = list(dict.fromkeys(item["Fn::If"][0] for item in mappings(stages) if "Fn::If" in item))
            for case in product((True, False), repeat=len(names)):
                when = dict(zip(names, case, strict=True))
                found.append(Delivery(key, tuple(_actions(_chosen(stages, when))), when))
    return found


def graph(title: str, pipelines: Sequence[Pipeline], delivered: Sequence[Delivery]) -> Graph:
    """Draw both kinds, a lane for each pipeline."""
    drawn = Graph(title)
    for delivery in delivered:
        _draw_delivery(drawn, delivery)
    for pipeline in pipelines:
        lane = drawn.lane(pipeline.name, f"SageMaker pipeline {pipeline.name}")
        for step in pipeline.steps:
            drawn.node(Node(f"{lane}/{step.name}", step.name, step.type, lane))
            for name, branch in _direct(step, pipeline):
                drawn.edge(f"{lane}/{name}", f"{lane}/{step.name}", branch)
    return drawn


def _direct(step: Step, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Yield what a step waits for, without what the condition that leads to it waited for already."""
    steps = {each.name: each for each in pipeline.steps}
    waited = {name for condition, branch in step.after.items() if branch for name in _ancestors(condition, steps)}
    for name, branch in step.after.items():
        if branch or name not in waited:
            yield name, branch


def _ancestors(name: str, steps: Mapping[str, Step]) -> set[str]:
    after = set(steps[name].after)
    return after.union(*(_ancestors(each, steps) for each in after))


def _reviewed(root: Path) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Yield name, variables and definition of each case in tests/golden whose pipeline is as the seed brings it."""
    for path in sorted(root.glob("tests/golden/*.env.json")):
        definition = path.with_name(path.name.replace(".env.json", ".json"))
        case = json.loads(path.read_text())
        if "EDITS" not in case:
            yield case.pop("PIPELINE"), case, json.loads(definition.read_text())


def _defaults(definition: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: str(each.get("DefaultValue", "")) for each in definition.get("Parameters", [])}


def _steps(steps: list[dict[str, Any]], after: Mapping[str, str], defaults: Mapping[str, str]) -> Iterator[Step]:
    for step in steps:
        waits = dict.fromkeys((*_references(step), *step.get("DependsOn", [])), "")
        yield Step(step["Name"], step["Type"], {**dict(sorted(waits.items())), **after}, *_instances(step, defaults))
        for branch, told in (("IfSteps", "if so"), ("ElseSteps", "if not")):
            yield from _steps(step.get("Arguments", {}).get(branch, []), {step["Name"]: told}, defaults)


def _instances(step: dict[str, Any], defaults: Mapping[str, str]) -> tuple[int, str, str]:
    """Number and type of the instances of a step's job, and the parameter that decides about the type."""
    arguments = step.get("Arguments", {})
    cluster = arguments.get("ProcessingResources", {}).get("ClusterConfig", {})
    used = cluster or arguments.get("ResourceConfig") or arguments.get("TransformResources") or {}
    kind = used.get("InstanceType", "")
    count = used.get("InstanceCount", 0)
    number = int(_default(count, defaults)[0] or 0)
    return number, *_default(kind, defaults)


def _default(value: Any, defaults: Mapping[str, str]) -> tuple[str, str]:
    """The value, or the default of the parameter that it refers to, and the parameter's name."""
    if isinstance(value, dict):
        name = str(value.get("Get", "")).removeprefix("Parameters.")
        return defaults.get(name, ""), name
    return str(value), ""


def _references(value: Any) -> Iterator[str]:
    """Yield the steps that a value refers to by `Get`, those of a condition's branches left to these."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Get" and isinstance(item, str) and item.startswith("Steps."):
                yield item.split(".")[1]
            elif key not in ("IfSteps", "ElseSteps"):
                yield from _references(item)


def _chosen(value: Any, when: Mapping[str, bool]) -> Any:
    """The value with its choices made; what is chosen to be no value is left out of lists."""
    if isinstance(value, dict) and "Fn::If" in value:
        name, met, unmet = value["Fn::If"]
        return _chosen(met if when[name] else unmet, when)
    if isinstance(value, list):
        chosen = [_chosen(item, when) for item in value]
        return [item for item in chosen if item != {"Ref": "AWS::NoValue"}]
    return {key: _chosen(item, when) for key, item in value.items()} if isinstance(value, dict) else value


def _actions(stages: list[dict[str, Any]]) -> Iterator[Action]:
    for each in stages:
        stage = each["Fn::If"][1] if "Fn::If" in each else each  # drawn as it is where the condition holds
        for action in sorted(stage["Actions"], key=lambda action: int(action.get("RunOrder", 1))):
            role, stack = action.get("RoleArn", ""), action.get("Configuration", {}).get("StackName", "")
            project = written(action.get("Configuration", {}).get("ProjectName", "")).strip("${}")
            order, provider = int(action.get("RunOrder", 1)), action["ActionTypeId"]["Provider"]
            yield Action(stage["Name"], order, action["Name"], provider, written(role), written(stack), project)


def _draw_delivery(drawn: Graph, delivery: Delivery) -> None:
    lane = drawn.lane(delivery.title, f"CodePipeline {delivery.title}")
    before: list[str] = []
    at: tuple[str, int] | None = None
    now: list[str] = []
    for action in delivery.actions:
        if (action.stage, action.order) != at:
            before, now, at = now, [], (action.stage, action.order)
        detail = "" if action.stage == action.name else action.stage
        key = drawn.node(Node(f"{lane}/{action.stage}/{action.name}", action.name, action.provider, lane, detail))
        now.append(key)
        for source in before:
            drawn.edge(source, key)
