"""Stage files of all modes: YAML, validated whole, with every wrong key told at once."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from pipelines.deploy.realtime.errors import DeployError

NAMES = ("staging", "production")
# Keys of AWS's own, and of the projects.
RESERVED_TAG = re.compile(r"(aws|sagemaker):", re.IGNORECASE)
# YAML reads a bare `off` as false.
OFF = BeforeValidator(lambda value: None if value is False else value)


class Part(BaseModel):
    """Part of a stage file: no unknown keys, no guessed types, no change later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Stage = TypeVar("Stage", bound=Part)


def form(pattern: str, words: str) -> AfterValidator:
    """A text of a pattern, and that pattern in words for who reads the error."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {words}")
        return text

    return AfterValidator(check)


def reserved(tags: dict[str, str]) -> list[str]:
    """What is wrong with the names of tags."""
    return [f"tags.{key} is a reserved name; choose another" for key in tags if RESERVED_TAG.match(key)]


def read(path: Path, kind: type[Stage]) -> Stage:
    """Read a stage file; DeployError lists every wrong key with what was found and expected."""
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DeployError(f"There is no {path}. Restore it: each stage has a file.") from error
    except yaml.YAMLError as error:
        raise DeployError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise DeployError("\n".join(_problem(path, each) for each in error.errors())) from error


def _problem(path: Path, error: Any) -> str:
    keys = [str(part) for part in error["loc"]]
    if keys[:1] == ["rollout"] and keys[1:2] in (["all_at_once"], ["canary"], ["linear"]):
        del keys[1]  # pydantic names the chosen kind as if it were a key
    if not keys and error["type"] == "value_error":
        return "\n".join(f"{path}: {line}" for line in str(error["ctx"]["error"]).splitlines())
    found = "nothing" if error["type"] == "missing" else repr(error["input"])
    return f"{path}: {'.'.join(keys) or 'the file'}: found {found}, {_expected(error)}"


def _expected(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "union_tag_invalid":
        return f"expected a type of {error['ctx']['expected_tags']}"
    if error["type"].endswith("_type") and "class_name" in error.get("ctx", {}):
        return "expected keys and values"
    told = {"missing": "expected a value", "extra_forbidden": "expected no such key"}
    return told.get(error["type"]) or str(error["msg"]).replace("Input should be", "expected")
