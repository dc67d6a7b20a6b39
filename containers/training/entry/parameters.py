"""Hyperparameters: SageMaker's strings, read by the declaration in the training script's hyperparameters.py."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from entry.errors import TrainingError
from entry.job import read_config

# Not the script's: estimators of the SageMaker Python SDK add the first kind (sagemaker_program, sagemaker_region, ...;
# github.com/aws/sagemaker-training-toolkit sorts them out in the same way), tuning jobs the second, a metric's name.
RESERVED_PREFIX, RESERVED = "sagemaker_", "_tuning_objective_metric"


def read_hyperparameters(base: Path) -> Any:
    """Return the script's Hyperparameters; raises TrainingError for what is unknown, missing or of the wrong type."""
    declared = import_module("hyperparameters").Hyperparameters
    types = get_type_hints(declared)
    given = own(read_config(base, "hyperparameters"))
    if unknown := sorted(set(given) - set(types)):
        raise TrainingError(f"Unknown hyperparameters: {', '.join(unknown)}. Known ones: {', '.join(types)}.")
    needed = [item.name for item in fields(declared) if item.default is MISSING and item.default_factory is MISSING]
    if missing := [name for name in needed if name not in given]:
        raise TrainingError(f"Missing hyperparameters: {', '.join(missing)}. They have no defaults: set them.")
    return declared(**{name: parse(name, value, types[name]) for name, value in given.items()})


def own(given: Mapping[str, str]) -> dict[str, str]:
    """Leave out what SageMaker itself adds."""
    return {name: text for name, text in given.items() if name != RESERVED and not name.startswith(RESERVED_PREFIX)}


def parse(name: str, text: str, kind: type) -> Any:
    """Turn one string, JSON-quoted or not, into its type."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if kind is str and not isinstance(value, str):
        return text
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise TrainingError(f"Hyperparameter {name} is {text!r}. It must be of type {kind.__name__}.")
    return value
