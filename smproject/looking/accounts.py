"""The accounts that a template touches: which holds which stack, and who assumes whom."""

import re
from collections.abc import Mapping
from pathlib import Path

from smproject import catalog
from smproject.catalog import ADMIN, PROJECTS, Template
from smproject.looking.graph import Graph, Node
from smproject.looking.reading import read
from smproject.looking.roles import roles
from smproject.looking.view import View

OWN = "own"
# By portfolio: the role of template launch-role that makes its products.
LAUNCH_ROLES = {ADMIN: "LaunchAdminRole", PROJECTS: "LaunchRole"}
ARN = re.compile(r"arn:.+?:iam::(?P<account>\$\{[^}]+\}|[0-9]{12}):(?:role/(?P<role>.+)|root)")
REFERENCE = re.compile(r"\$\{[^}]+\}")


def graph(seen: View, template: Template) -> Graph:
    """Draw the accounts of a template, a lane for each, named by the parameter that takes its id."""
    drawn = Graph(f"{seen.title}: accounts")
    known, letting_in = _known_roles(template.root)
    if seen.portfolio:
        drawn.lane("hub", "Hub account")
    drawn.lane(OWN, "Account of the project" if seen.portfolio == PROJECTS else "Account of this stack")
    stack = drawn.node(Node("stack", seen.id, "stack", OWN, _size(seen)))
    if seen.portfolio:
        _draw_launch(drawn, stack, LAUNCH_ROLES[seen.portfolio])
    for role in seen.roles:
        key = drawn.node(Node(f"role/{role.id}", role.id, "role", OWN))
        for principal in role.assumed_by:
            drawn.edge(_principal(drawn, principal, known), key, "assumes")
        for arn in role.assumes:
            drawn.edge(key, _principal(drawn, arn, letting_in), "assumes")
    _draw_deployments(drawn, seen, letting_in)
    return drawn


def _size(seen: View) -> str:
    return f"stack of {sum(len(ids) for ids in seen.resources.values())} resources"


def _draw_launch(drawn: Graph, stack: str, role: str) -> None:
    """Draw how a product's stack comes about: the hub's product, launched by the launch role of the account."""
    portfolio = drawn.node(Node("portfolio", "portfolio", "stack", "hub", "shared with accounts"))
    product = drawn.node(Node("product", "product", "stack", "hub", "one stack a template"))
    launch = drawn.node(Node("launch", role, "role", OWN, "of stack launch-role"))
    service = drawn.node(Node("servicecatalog.amazonaws.com", "servicecatalog", "service", OWN))
    drawn.edge(portfolio, product, "offers")
    drawn.edge(product, service, "launched by")
    drawn.edge(service, launch, "assumes")
    drawn.edge(launch, stack, "makes")


def _draw_deployments(drawn: Graph, seen: View, known: Mapping[str, str]) -> None:
    """Draw the stacks that CodePipelines make, in another account by the role that they assume there."""
    for delivery in seen.deliveries:
        for action in delivery.actions:
            if action.stack:
                # Without a role of its own, an action makes its stack in the pipeline's account.
                role = _principal(drawn, action.role or "codepipeline.amazonaws.com", known)
                lane = drawn.nodes[role].lane
                name = action.stack.rsplit("-", 1)[-1]
                drawn.edge(role, drawn.node(Node(f"{lane}/stack/{name}", name, "stack", lane, "stack")), "makes")


def _principal(drawn: Graph, principal: str, known: Mapping[str, str]) -> str:
    """Return the node of a service, of an account, or of a role of another account."""
    found = ARN.fullmatch(principal)
    if not found:
        label = principal.removesuffix(".amazonaws.com")
        return drawn.node(Node(principal, label, "service", OWN))
    account = found["account"].strip("${}")
    lane = OWN if account == "AWS::AccountId" else drawn.lane(account, _spoken(account))
    pattern = REFERENCE.sub("*", found["role"] or "every role that IAM allows")
    stack = known.get(pattern, "")
    label = pattern.removeprefix("sagemaker-*-")
    return drawn.node(Node(principal, label, "role", lane, f"of stack {stack}" if stack else ""))


def _spoken(parameter: str) -> str:
    """An account as its parameter calls it: TargetsStagingAccountId is the staging account."""
    words = re.findall(r"[A-Z][a-z]+|[0-9]+", parameter)
    named = " ".join(word.lower() for word in words[1:] if word not in ("Account", "Id"))
    return f"{named[:1].upper()}{named[1:]} account ({parameter})" if named else f"Account {parameter}"


def _known_roles(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the templates that make a role, by the role's name with `*` for references: of all, of those letting in.

    The second are roles that others than AWS's services may assume.
    """
    known: dict[str, list[str]] = {}
    letting_in: dict[str, list[str]] = {}
    for template in catalog.templates(root):
        if template.path.is_file():
            for role in roles(read(template.path).get("Resources", {})):
                name = REFERENCE.sub("*", role.name)
                known.setdefault(name, []).append(template.id)
                if any(not each.endswith(".amazonaws.com") for each in role.assumed_by):
                    letting_in.setdefault(name, []).append(template.id)
    one, other = ({name: " or ".join(ids) for name, ids in found.items()} for found in (known, letting_in))
    return one, other
