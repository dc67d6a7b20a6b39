"""Requests that hosting refuses, in AWS's words where AWS would refuse them too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smproject.sandbox.service import ServiceError


def invalid(message: str) -> ServiceError:
    """Return the error of a request that is not valid."""
    return ServiceError("ValidationException", message)


def missing(kind: str, arn: str) -> ServiceError:
    """Return the error of a resource that isn't there; `kind` is in AWS's words, such as `endpoint configuration`."""
    return invalid(f'Could not find {kind} "{arn}".')


def taken(kind: str, arn: str) -> ServiceError:
    """Return the error of a name that is in use."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def refuse(members: Iterable[str], given: Mapping[str, Any], where: str) -> None:
    """Refuse what would be ignored: the first of `members` that `given` holds; False and empty values say nothing."""
    found = sorted(name for name in members if given.get(name))
    if found:
        raise ServiceError("NotImplemented", f"The sandbox does not implement {found[0]} of {where}.")
