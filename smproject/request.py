"""Hold a request to the SageMaker API against botocore's model of it, expressions of pipelines standing for values."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

# The path in the request, and what is wrong there with what to do.
Problem = tuple[str, str]

EXPRESSIONS = ({"Get"}, {"Std:Join"}, {"Std:JsonGet"})
# Pipelines name what they make.
GIVEN_BY_PIPELINES = {
    "AutoMLJobName", "HyperParameterTuningJobName", "ModelName", "ProcessingJobName", "TrainingJobName",
    "TransformJobName",
}  # fmt: skip
NUMBERS: dict[str, tuple[type[int], ...] | tuple[type[int], type[float]]] = {
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


@cache
def operation_shape(operation: str, *, reply: bool = False) -> StructureShape:
    """Shape of an operation's request or reply."""
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation)
    return model.output_shape if reply else model.input_shape


def check_request(
    shape: StructureShape, request: Mapping[str, Any], parameters: Mapping[str, list[Any]]
) -> list[Problem]:
    """Problems of a request; `parameters` holds the values that a reference to each parameter may stand for."""
    return list(_value(shape, request, "Arguments", parameters))


def _value(shape: Shape, value: Any, path: str, parameters: Mapping[str, list[Any]]) -> Iterator[Problem]:
    if isinstance(value, dict) and set(value) in EXPRESSIONS:
        name = str(value.get("Get", "")).removeprefix("Parameters.")
        for literal in parameters.get(name, []):
            yield from _value(shape, literal, path, parameters)
    elif isinstance(shape, StructureShape):
        yield from _structure(shape, value, path, parameters)
    elif isinstance(shape, ListShape):
        yield from _list(shape, value, path, parameters)
    elif isinstance(shape, MapShape):
        yield from _map(shape, value, path, parameters)
    elif shape.type_name == "string":
        yield from _string(shape, value, path)
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            yield _wrong_type(path, value, "true or false")
    elif shape.type_name in NUMBERS:
        yield from _number(shape, value, path)


def _structure(shape: StructureShape, value: Any, path: str, parameters: Mapping[str, list[Any]]) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _wrong_type(path, value, f"an object ({shape.name})")
        return
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name}", f"is no member of {shape.name}. Use one of {', '.join(shape.members)}."
        elif item is not None:
            yield from _value(shape.members[name], item, f"{path}.{name}", parameters)
    for name in shape.required_members:
        if value.get(name) is None and name not in GIVEN_BY_PIPELINES:
            yield f"{path}.{name}", f"is missing. {shape.name} requires it."


def _list(shape: ListShape, value: Any, path: str, parameters: Mapping[str, list[Any]]) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield _wrong_type(path, value, "a list")
        return
    yield from _size(shape, len(value), path, "items")
    for index, item in enumerate(value):
        yield from _value(shape.member, item, f"{path}[{index}]", parameters)


def _map(shape: MapShape, value: Any, path: str, parameters: Mapping[str, list[Any]]) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _wrong_type(path, value, "an object")
        return
    yield from _size(shape, len(value), path, "entries")
    for name, item in value.items():
        yield from _value(shape.key, name, f"{path} key", parameters)
        yield from _value(shape.value, item, f"{path}.{name}", parameters)


def _string(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield _wrong_type(path, value, "a string")
        return
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        shown = ", ".join(choices[:8]) + (", ..." if len(choices) > 8 else "")
        yield path, f"is {value!r}, which {shape.name} does not know. Use one of {shown}."
    yield from _size(shape, len(value), path, "characters")
    pattern = _pattern(shape.metadata.get("pattern"))
    if pattern and not pattern.fullmatch(value):
        yield path, f"is {value!r}. Make it match {shape.metadata['pattern']}."


def _number(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, NUMBERS[shape.type_name]) and not isinstance(value, bool):
        yield from _size(shape, float(value), path, "")
    else:
        yield _wrong_type(path, value, f"a number ({shape.type_name})")


def _size(shape: Shape, size: float, path: str, unit: str) -> Iterator[Problem]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    found = f"is {size:g} {unit}".rstrip()
    if least is not None and size < least:
        yield path, f"{found}. The least is {least}."
    if most is not None and size > most:
        yield path, f"{found}. The most is {most}."


@cache
def _pattern(source: str | None) -> re.Pattern[str] | None:
    """Compile an API model's pattern; None where Python's syntax has no equal, so that nothing valid is refused."""
    try:
        return re.compile(source) if source else None
    except re.error:
        return None


def _wrong_type(path: str, value: Any, wanted: str) -> Problem:
    return path, f"is {value!r}. Give {wanted}."


def property_problem(shape: Shape, path: str) -> str | None:
    """Why a step has no such property, such as `ModelArtifacts.S3ModelArtifacts`, or None."""
    for name, key in re.findall(r"(\w+)|\[([^\]]*)\]", path):
        if name and isinstance(shape, StructureShape):
            if name not in shape.members:
                return f"refers to {path!r}: {shape.name} has no {name}. It has {', '.join(shape.members)}."
            shape = shape.members[name]
        elif key and isinstance(shape, ListShape):
            shape = shape.member
        elif key and isinstance(shape, MapShape):
            shape = shape.value
        else:
            return f"refers to {path!r}: there is nothing below {shape.name}. Shorten it."
    return None
