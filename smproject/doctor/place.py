"""Where checks look: the hub and what it has published, and the accounts that use it."""

import shlex
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from smproject import catalog, stacks
from smproject.catalog import Template
from smproject.publishing import wanted
from smproject.publishing.service_catalog import stack_of
from smproject.publishing.wanted import PORTFOLIOS, Portfolio

Made = TypeVar("Made")


@dataclass(frozen=True)
class Published:
    """What the hub has published: its bucket's stack, and of each portfolio the id and who may use it."""

    root: Path
    account: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    portfolios: Mapping[str, Portfolio]  # by the id that Service Catalog gave
    patterns: Mapping[str, str]  # of roles that may use them, by the same id

    @property
    def bucket(self) -> str:
        """Name of the catalogue's bucket."""
        return self.outputs["CatalogBucketName"]

    @cached_property
    def offered(self) -> list[Template]:
        """This repository's templates that are in a portfolio; raises AssemblyError when any isn't assembled."""
        return wanted.offered(self.root)

    def template(self, template_id: str) -> Template:
        """One of this repository's templates."""
        return catalog.template(template_id, self.root)


def published(session: Any, root: Path) -> Published:
    """Read what the hub has published; raises DeploymentError when that is nothing."""
    cloudformation = session.client("cloudformation")
    name = stacks.stack_name(catalog.template("catalog-bucket", root))
    outputs = stacks.outputs(cloudformation, name)
    portfolios, patterns = {}, {}
    for portfolio in PORTFOLIOS:
        if stack := stacks.find(cloudformation, stack_of(portfolio, root)):
            key = stacks.outputs_of(stack)["PortfolioId"]
            portfolios[key] = portfolio
            patterns[key] = stacks.parameters_of(stack)["PortfolioPrincipalPattern"]
    account = session.client("sts").get_caller_identity()["Account"]
    return Published(root, account, outputs, stacks.parameters(cloudformation, name), portfolios, patterns)


@dataclass(frozen=True)
class Place:
    """An account, a session with it, and what the hub has published; `unit` when it got that with its unit."""

    account: str
    session: Any
    published: Published
    hub: Any  # a session with the hub
    unit: str = ""
    project: str = ""  # the only one to look at
    refusal: str = ""  # why there is no session with the account

    @property
    def is_hub(self) -> bool:
        """Whether it is the hub."""
        return self.account == self.published.account

    @cached_property
    def client(self) -> Callable[[str], Any]:
        """Clients of the account's services."""
        made: dict[str, Any] = {}
        return lambda service: made.get(service) or made.setdefault(service, self.session.client(service))

    @property
    def partition(self) -> str:
        """The partition of AWS that the account is in."""
        return str(self.session.get_partition_for_region(self.session.region_name))

    @property
    def preparation(self) -> str:
        """The command that brings the account up to date."""
        if self.is_hub:
            return "smproject publish" + ("" if self.published.portfolios else " --to s3")
        return f"smproject share --ou {self.unit}" if self.unit else f"smproject share --account {self.account}"

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` returned at first: several checks look at the same things. A later look is at another place."""
        if key not in self._memory:
            self._memory[key] = make()
        made: Made = self._memory[key]
        return made

    @cached_property
    def _memory(self) -> dict[Hashable, Any]:
        return {}

    def stack(self, template_id: str) -> dict[str, Any] | None:
        """The stack that this tool makes of a template, if the account has it."""
        name = stacks.stack_name(self.published.template(template_id))
        return self.once(("stack", template_id), lambda: stacks.find(self.client("cloudformation"), name))

    def is_current(self, template_id: str) -> bool:
        """Whether that stack was made from this repository's template."""
        template = self.published.template(template_id)
        name, client = stacks.stack_name(template), self.client("cloudformation")
        body = self.once(("body", template_id), lambda: client.get_template(StackName=name)["TemplateBody"])
        return bool(body == template.path.read_text())

    def described_stacks(self) -> Iterator[dict[str, Any]]:
        """Yield the account's stacks."""
        for page in self.client("cloudformation").get_paginator("describe_stacks").paginate():
            yield from page["Stacks"]


def aws(*words: str) -> str:
    """A command of the AWS CLI, quoted for a shell."""
    return shlex.join(["aws", *words])


def quietly(_: str) -> None:
    """Tell nothing: the doctor says itself what it has done."""
