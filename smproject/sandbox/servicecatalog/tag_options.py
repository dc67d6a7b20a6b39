"""Tag options: the tags that provisioned products get, and the values that may be chosen.

https://docs.aws.amazon.com/servicecatalog/latest/adminguide/tagoptions-launching.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, unique_id
from smproject.sandbox.servicecatalog.model import Portfolio, Product, TagOption
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.state import State, not_found

Tags = list[dict[str, str]]


class TagOptions:
    """The operations on tag options."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_tag_option(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a tag option."""
        self._check_unique(caller, request["Key"], request["Value"])
        made = TagOption(f"tag-{unique_id(13)}", caller.account, request["Key"], request["Value"])
        self.state.tag_options[made.id] = made
        return {"TagOptionDetail": made.describe()}

    def describe_tag_option(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a tag option."""
        return {"TagOptionDetail": self._find(caller, request["Id"]).describe()}

    def list_tag_options(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's tag options, of one key, value or state if asked."""
        mine = [o.describe() for o in self.state.tag_options.values() if o.owner == caller.account]
        wanted = request.get("Filters", {})
        found = [option for option in mine if all(option[name] == value for name, value in wanted.items())]
        return _paged(found, request, "TagOptionDetails")

    def update_tag_option(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a tag option's value, or whether it counts."""
        option = self._find(caller, request["Id"])
        if request.get("Value", option.value) != option.value:
            self._check_unique(caller, option.key, request["Value"])
        option.value = request.get("Value", option.value)
        option.active = request.get("Active", option.active)
        return {"TagOptionDetail": option.describe()}

    def delete_tag_option(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a tag option that nothing is associated with."""
        option = self._find(caller, request["Id"])
        if option.resources:
            raise ServiceError("ResourceInUseException", f"TagOption {option.id} is still associated with resources.")
        del self.state.tag_options[option.id]
        return {}

    def associate_tag_option_with_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Associate a tag option with a portfolio or product."""
        option = self._find(caller, request["TagOptionId"])
        resource = self._resource(caller, request["ResourceId"]).id
        if resource in option.resources:
            message = f"TagOption {option.id} is already associated with {resource}."
            raise ServiceError("DuplicateResourceException", message)
        option.resources.add(resource)
        return {}

    def disassociate_tag_option_from_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take that back."""
        option, resource = self._find(caller, request["TagOptionId"]), request["ResourceId"]
        if resource not in option.resources:
            raise not_found("TagOption association", f"{option.id} with {resource}")
        option.resources.remove(resource)
        return {}

    def list_resources_for_tag_option(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the portfolios and products that a tag option is associated with, of one kind if asked."""
        option, wanted = self._find(caller, request["TagOptionId"]), request.get("ResourceType", "")
        found = [self._resource(caller, name) for name in sorted(option.resources)]
        kinds = {"": (Portfolio, Product), "Portfolio": (Portfolio,), "Product": (Product,)}
        if wanted not in kinds:
            raise ServiceError("InvalidParametersException", "ResourceType is Portfolio or Product.")
        details = [_resource_detail(item) for item in found if isinstance(item, kinds[wanted])]
        return _paged(details, request, "ResourceDetails")

    def _find(self, caller: Caller, name: str) -> TagOption:
        found = self.state.tag_options.get(name)
        if found is None or found.owner != caller.account:
            raise not_found("TagOption", name)
        return found

    def _resource(self, caller: Caller, name: str) -> Portfolio | Product:
        is_portfolio = name.startswith("port-")
        return self.state.own_portfolio(caller, name) if is_portfolio else self.state.own_product(caller, name)

    def _check_unique(self, caller: Caller, key: str, value: str) -> None:
        mine = (o for o in self.state.tag_options.values() if o.owner == caller.account)
        if any((option.key, option.value) == (key, value) for option in mine):
            raise ServiceError("DuplicateResourceException", f"TagOption {key}={value} already exists.")


def associated(state: State, resource: str) -> list[TagOption]:
    """Return the tag options of a portfolio or product."""
    return [option for option in state.tag_options.values() if resource in option.resources]


def forget(state: State, resource: str) -> None:
    """End the associations with a portfolio or product that is deleted."""
    for option in associated(state, resource):
        option.resources.remove(resource)


def choices(state: State, portfolio: Portfolio, product: Product, account: str) -> dict[str, list[str]]:
    """Return by key the values that a product launched from a portfolio may be tagged with.

    Where both have a key, their common values count; where they have none in common, one that tells of the conflict.
    """
    share = state.share(portfolio, account) if account != portfolio.owner_account else None
    if account != portfolio.owner_account and not (share and share.tag_options):
        return {}
    of_portfolio, of_product = (_values(state, resource) for resource in (portfolio.id, product.id))
    found = {**of_portfolio, **of_product}
    for key in of_portfolio.keys() & of_product.keys():
        common = [value for value in of_portfolio[key] if value in of_product[key]]
        found[key] = common or [f"sc-tagconflict-{portfolio.id}-{product.id}"]
    return found


def applied(allowed: dict[str, list[str]], tags: Tags) -> Tags:
    """Return a launch's tags with those that need no choice; refuse values that may not be chosen."""
    given = {tag["Key"]: tag["Value"] for tag in tags}
    for key, values in allowed.items():
        value = given.setdefault(key, values[0] if len(values) == 1 else "")
        if value not in values:
            message = f"The tag {key} must be one of the values that the TagOptions allow: {', '.join(values)}."
            raise ServiceError("InvalidParametersException", message)
    return [{"Key": key, "Value": value} for key, value in given.items()]


def _values(state: State, resource: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for option in associated(state, resource):
        if option.active:
            found.setdefault(option.key, []).append(option.value)
    return found


def _resource_detail(item: Portfolio | Product) -> dict[str, Any]:
    name = item.details["DisplayName" if isinstance(item, Portfolio) else "Name"]
    text = item.details.get("Description", "")
    return {"Id": item.id, "ARN": item.arn, "Name": name, "Description": text, "CreatedTime": item.created}


def _paged(found: list[Any], request: Request, key: str) -> dict[str, Any]:
    """Cut a page in the spelling of tag options, whose answers call the token as requests do."""
    paged = paginate(found, request, key)
    return {("PageToken" if name == "NextPageToken" else name): value for name, value in paged.items()}
