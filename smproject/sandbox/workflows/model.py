"""A workflow as both hosts' files say it: jobs, and the steps of each in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Texts = Mapping[str, str]


class WorkflowError(Exception):
    """A workflow can't be run; the message names what the sandbox does not know."""


@dataclass(frozen=True)
class Push:
    """What happened: a commit came to a branch of a repository; `run` is the number of the run that it starts."""

    full_name: str
    branch: str
    commit: str
    run: int
    variables: Texts  # which the repository's owner has set


@dataclass(frozen=True)
class Step:
    """A step: a script, or an action with its inputs. Its texts may hold expressions."""

    name: str
    id: str = ""
    condition: str = "success()"
    script: str = ""
    action: str = ""
    inputs: Texts = field(default_factory=dict)
    env: Texts = field(default_factory=dict)
    shell: tuple[str, ...] = ("bash", "-e")


@dataclass(frozen=True)
class Job:
    """A job; `tokens` are audiences, by the variables that hold tokens for them."""

    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    condition: str = "success()"
    env: Texts = field(default_factory=dict)
    seconds: float = 3600
    may_ask_for_tokens: bool = False
    tokens: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """A workflow, and who issues its tokens; runs of a `group` wait for one another; `notes` tell what is ignored."""

    name: str
    issuer: str
    jobs: Mapping[str, Job]
    env: Texts = field(default_factory=dict)
    contexts: Mapping[str, Texts] = field(default_factory=dict)
    group: str = ""
    notes: tuple[str, ...] = ()
