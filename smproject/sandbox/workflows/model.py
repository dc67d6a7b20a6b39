"""A workflow as both hosts' files say it: jobs, and the steps of each in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.git_work import Work

Texts = Mapping[str, str]


class WorkflowError(Exception):
    """A workflow can't be run; the message names what the sandbox does not know."""


@dataclass(frozen=True)
class Trigger:
    """What happened, and the number of the run that it starts; `host` is the address of the git host."""

    work: Work
    run: int
    variables: Texts  # which the repository's owner has set
    host: str


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
class Artifacts:
    """What a job leaves: patterns of paths, and after which outcome (always, on_success or on_failure)."""

    paths: tuple[str, ...] = ()
    when: str = "on_success"


@dataclass(frozen=True)
class Job:
    """A job; `permissions` are GitHub's, `tokens` audiences, by the variables that hold tokens for them."""

    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    condition: str = "success()"
    env: Texts = field(default_factory=dict)
    seconds: float = 3600
    permissions: Texts = field(default_factory=dict)
    tokens: Texts = field(default_factory=dict)
    artifacts: Artifacts = Artifacts()


@dataclass(frozen=True)
class Workflow:
    """A workflow, and who issues its tokens; runs of a `group` wait for one another; `notes` tell what is ignored."""

    name: str
    issuer: str
    jobs: Mapping[str, Job]
    env: Texts = field(default_factory=dict)
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group: str = ""
    notes: tuple[str, ...] = ()
