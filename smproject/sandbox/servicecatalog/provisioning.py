"""Provisioning: a version of a product becomes a CloudFormation stack in the caller's account."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.service import Caller, Request, ServiceError, now, told, unique_id
from smproject.sandbox.servicecatalog import interrupted, stacks
from smproject.sandbox.servicecatalog.constraints import allows_tags
from smproject.sandbox.servicecatalog.launches import Provisioned, Record
from smproject.sandbox.servicecatalog.model import Artifact
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.products import Products
from smproject.sandbox.servicecatalog.state import State, not_found
from smproject.sandbox.servicecatalog.tag_options import applied, choices

_VERSION = ("ProductId", "ProductName", "ProvisioningArtifactId", "ProvisioningArtifactName", "PathId", "PathName")


class Provisioning:
    """The operations on provisioned products and their records."""

    def __init__(self, state: State, products: Products) -> None:
        self.state, self.products = state, products

    def provision_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start provisioning; the record tells how it goes."""
        product, artifact, path = self.products.launch_version(caller, request)
        _refuse_deprecated(artifact)
        name = request["ProvisionedProductName"]
        if self._named(caller, name):
            raise ServiceError("InvalidParametersException", f"A stack named {name} already exists.")
        constraint = self.state.constraint(path, product.id)
        role = constraint.role_arn(caller.account) if constraint else ""
        allowed = choices(self.state, self.state.portfolios[path], product, caller.account)
        tags = applied(allowed, request.get("Tags", []))
        made = Provisioned(f"pp-{unique_id(13)}", "", name, caller, product, artifact, path, role, tags)
        made.arn = caller.arn_of("servicecatalog", f"stack/{made.name}/{made.id}")
        made.topics = request.get("NotificationArns", [])
        self.state.provisioned[made.id] = made
        parameters = _parameters(request)
        return self._start(made, "PROVISION_PRODUCT", lambda: stacks.create(self.state, made, parameters))

    def update_provisioned_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start bringing a provisioned product to another version, other parameters or other tags."""
        made = self._at_rest(caller, request)
        if "Tags" in request and not allows_tags(self.state.constraint(made.path, made.product.id, "RESOURCE_UPDATE")):
            message = f"Tags of {made.id} can't be updated: no RESOURCE_UPDATE constraint allows it."
            raise ServiceError("InvalidParametersException", message)
        product, artifact, path = self.products.launch_version(caller, _chosen(made, request))
        allowed = choices(self.state, self.state.portfolios[path], product, caller.account)
        tags = applied(allowed, request["Tags"]) if "Tags" in request else made.tags
        change = {"product": product, "artifact": artifact, "path": path, "tags": tags, "caller": caller}
        parameters = _parameters(request)
        return self._start(made, "UPDATE_PROVISIONED_PRODUCT", lambda: self._update(made, change, parameters))

    def terminate_provisioned_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start deleting a provisioned product's stack, unless its resources are to be retained."""
        made = self._at_rest(caller, request)

        def work() -> None:
            try:
                if not request.get("RetainPhysicalResources"):
                    stacks.delete(self.state, made)
            except (ServiceError, ClientError):
                if not request.get("IgnoreErrors"):
                    raise

        return self._start(made, "TERMINATE_PROVISIONED_PRODUCT", work)

    def describe_record(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell how an attempt goes."""
        record = self.state.records.get(request["Id"])
        if record is None or record.provisioned.caller.account != caller.account:
            raise not_found("Record", request["Id"])
        return {"RecordDetail": record.describe(), "RecordOutputs": record.outputs}

    def list_record_history(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's attempts, newest first; those of one provisioned product if asked."""
        mine = [r for r in self.state.records.values() if r.provisioned.caller.account == caller.account]
        wanted = request.get("SearchFilter", {})
        if wanted and wanted["Key"] != "provisionedproduct":
            raise ServiceError("InvalidParametersException", "The sandbox searches records by provisionedproduct only.")
        found = [r.describe() for r in mine if not wanted or wanted["Value"] == r.provisioned.id]
        return paginate(found[::-1], request, "RecordDetails")

    def describe_provisioned_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a provisioned product by id or name."""
        made = self._find(caller, request.get("Id") or request.get("Name"))
        return {"ProvisionedProductDetail": made.describe(), "CloudWatchDashboards": []}

    def get_provisioned_product_outputs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the outputs of a provisioned product's stack, of some keys if asked."""
        made = self._find(caller, request.get("ProvisionedProductId") or request.get("ProvisionedProductName"))
        wanted = request.get("OutputKeys")
        found = self.state.records[made.last_record].outputs
        return {"Outputs": [output for output in found if wanted is None or output["OutputKey"] in wanted]}

    def scan_provisioned_products(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's provisioned products."""
        mine = [m.describe() for m in self.state.provisioned.values() if m.caller.account == caller.account]
        return paginate(mine, request, "ProvisionedProducts")

    def search_provisioned_products(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's provisioned products with their stacks and tags."""
        mine = [m for m in self.state.provisioned.values() if m.caller.account == caller.account]
        found = [
            m.describe() | {"PhysicalId": m.stack_id, "ProductName": m.product.details["Name"], "Tags": m.tags}
            for m in mine
        ]
        paged = paginate(found, request, "ProvisionedProducts")
        return paged | {"TotalResultsCount": len(found)}

    def resume(self) -> None:
        """Follow again the stacks of records that a stop of the sandbox has cut off."""
        for record in interrupted.tidy(self.state):
            work = partial(interrupted.follow, self.state, record)
            self.state.world.background(f"{record.type} {record.id}", partial(self._run, record, work))

    def _start(self, made: Provisioned, kind: str, work: Callable[[], None]) -> dict[str, Any]:
        record = Record(f"rec-{unique_id(13)}", kind, made)
        self.state.records[record.id] = record
        made.last_record, made.status = record.id, "UNDER_CHANGE"
        answer = {"RecordDetail": record.describe()}
        self.state.world.background(f"{kind} {made.id}", lambda: self._run(record, work))
        return answer

    def _run(self, record: Record, work: Callable[[], None]) -> None:
        made, ends = record.provisioned, record.type.startswith("TERMINATE")
        try:
            work()
            record.outputs = [] if ends else stacks.outputs(self.state, made)
            record.status, made.status, made.message = "SUCCEEDED", "AVAILABLE", ""
        except (ServiceError, ClientError) as error:
            code, message = told(error)
            record.errors = [{"Code": code, "Description": message}]
            rolled_back = isinstance(error, stacks.UpdateRolledBackError)
            made.message, made.status = message, "TAINTED" if rolled_back else "ERROR"
            record.status = "FAILED"
        record.updated = now()
        if ends and record.status == "SUCCEEDED":
            self.state.provisioned.pop(made.id, None)

    def _update(self, made: Provisioned, change: dict[str, Any], parameters: stacks.Parameters) -> None:
        """Update the stack with the launch role of the version's path; a failure leaves the product what it was."""
        constraint = self.state.constraint(change["path"], change["product"].id)
        role = constraint.role_arn(change["caller"].account) if constraint else ""
        before = {name: getattr(made, name) for name in (*change, "role_arn")}
        made.take(**change, role_arn=role)
        made.former = before
        try:
            stacks.update(self.state, made, parameters)
        except (ServiceError, ClientError):
            made.take(**before)
            raise

    def _at_rest(self, caller: Caller, request: Request) -> Provisioned:
        made = self._find(caller, request.get("ProvisionedProductId") or request.get("ProvisionedProductName"))
        if made.status == "UNDER_CHANGE":
            message = f"The provisioned product {made.id} is UNDER_CHANGE: wait until that has ended."
            raise ServiceError("InvalidParametersException", message)
        return made

    def _named(self, caller: Caller, name: str | None) -> Provisioned | None:
        mine = (m for m in list(self.state.provisioned.values()) if m.caller.account == caller.account)
        return next((m for m in mine if name in (m.id, m.name)), None)

    def _find(self, caller: Caller, name: str | None) -> Provisioned:
        made = self._named(caller, name)
        if made is None:
            raise not_found("Provisioned product", str(name))
        return made


def _refuse_deprecated(artifact: Artifact) -> None:
    """Refuse a launch from a version that its guidance says is deprecated; updates from it are allowed.

    https://docs.aws.amazon.com/servicecatalog/latest/dg/API_UpdateProvisioningArtifact.html
    """
    if artifact.guidance == "DEPRECATED":
        message = f"Provisioning artifact {artifact.id} is deprecated: no new product can be provisioned from it."
        raise ServiceError("InvalidParametersException", message)


def _chosen(made: Provisioned, request: Request) -> Request:
    """Return which version of which product an update asks for; what it doesn't say stays."""
    chosen = {name: request[name] for name in _VERSION if name in request}
    if not chosen.keys() & {"ProductId", "ProductName"}:
        chosen["ProductId"] = made.product.id
    if not chosen.keys() & {"ProvisioningArtifactId", "ProvisioningArtifactName"}:
        chosen["ProvisioningArtifactId"] = made.artifact.id
    if chosen.get("ProductId") == made.product.id and not chosen.keys() & {"PathId", "PathName"}:
        chosen["PathId"] = made.path
    return chosen


def _parameters(request: Request) -> stacks.Parameters:
    """Return provisioning parameters as CloudFormation takes them."""
    return [
        {"ParameterKey": p["Key"], "UsePreviousValue": True}
        if p.get("UsePreviousValue")
        else {"ParameterKey": p["Key"], "ParameterValue": p.get("Value", "")}
        for p in request.get("ProvisioningParameters", [])
    ]
