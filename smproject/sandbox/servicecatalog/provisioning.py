"""Provisioning: a version of a product becomes a CloudFormation stack in the caller's account."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import Caller, Request, ServiceError, now, told, unique_id
from smproject.sandbox.servicecatalog.model import Provisioned, Record
from smproject.sandbox.servicecatalog.portfolios import paginate
from smproject.sandbox.servicecatalog.products import Products
from smproject.sandbox.servicecatalog.state import State, not_found
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class Provisioning:
    """The operations on provisioned products and their records."""

    def __init__(self, state: State, world: World, products: Products) -> None:
        self.state, self.world, self.products = state, world, products

    def provision_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start provisioning; the record tells how it goes."""
        product, artifact, path = self.products.launch_version(caller, request)
        if self._named(caller, request["ProvisionedProductName"]):
            name = request["ProvisionedProductName"]
            raise ServiceError("InvalidParametersException", f"A stack named {name} already exists.")
        constraint = self.state.constraint(path, product.id)
        role = constraint.role_arn(caller.account) if constraint else ""
        made = Provisioned(
            f"pp-{unique_id(13)}",
            "",
            request["ProvisionedProductName"],
            caller,
            product,
            artifact,
            path,
            role,
            request.get("Tags", []),
        )
        made.arn = caller.arn_of("servicecatalog", f"stack/{made.name}/{made.id}")
        self.state.provisioned[made.id] = made
        record = self._record(made, "PROVISION_PRODUCT")
        parameters = [
            {"ParameterKey": p["Key"], "ParameterValue": p.get("Value", "")}
            for p in request.get("ProvisioningParameters", [])
        ]
        self.world.background(f"provision {made.id}", lambda: self._run(record, lambda: self._create(made, parameters)))
        return {"RecordDetail": record.describe()}

    def terminate_provisioned_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start deleting a provisioned product's stack."""
        made = self._find(caller, request.get("ProvisionedProductId") or request.get("ProvisionedProductName"))
        record = self._record(made, "TERMINATE_PROVISIONED_PRODUCT")
        made.status = "UNDER_CHANGE"
        self.world.background(f"terminate {made.id}", lambda: self._run(record, lambda: self._delete(made)))
        return {"RecordDetail": record.describe()}

    def describe_record(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell how an attempt goes."""
        record = self.state.records.get(request["Id"])
        if record is None or record.provisioned.caller.account != caller.account:
            raise not_found("Record", request["Id"])
        return {"RecordDetail": record.describe(), "RecordOutputs": record.outputs}

    def describe_provisioned_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a provisioned product by id or name."""
        made = self._find(caller, request.get("Id") or request.get("Name"))
        return {"ProvisionedProductDetail": made.describe(), "CloudWatchDashboards": []}

    def get_provisioned_product_outputs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the outputs of a provisioned product's stack."""
        made = self._find(caller, request.get("ProvisionedProductId") or request.get("ProvisionedProductName"))
        return {"Outputs": self.state.records[made.last_record].outputs}

    def search_provisioned_products(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's provisioned products."""
        mine = [m for m in self.state.provisioned.values() if m.caller.account == caller.account]
        found = [
            m.describe() | {"PhysicalId": m.stack_id, "ProductName": m.product.details["Name"], "Tags": m.tags}
            for m in mine
        ]
        paged = paginate(found, request, "ProvisionedProducts")
        return paged | {"TotalResultsCount": len(found)}

    def _run(self, record: Record, work: Any) -> None:
        made = record.provisioned
        try:
            work()
            record.outputs, record.status, made.status = self._outputs(made), "SUCCEEDED", "AVAILABLE"
        except (ServiceError, ClientError) as error:
            code, message = told(error)
            record.errors = [{"Code": code, "Description": message}]
            made.message, made.status, record.status = message, "ERROR", "FAILED"
        record.updated = now()
        if record.type.startswith("TERMINATE") and record.status == "SUCCEEDED":
            self.state.provisioned.pop(made.id, None)

    def _create(self, made: Provisioned, parameters: list[dict[str, str]]) -> None:
        client = self._client(made)
        made.stack_id = client.create_stack(
            StackName=f"SC-{made.caller.account}-{made.id}",
            TemplateURL=made.artifact.url,
            Parameters=parameters,
            Capabilities=_CAPABILITIES,
            Tags=made.tags,
        )["StackId"]
        _wait(client, made.stack_id, "CREATE_COMPLETE")

    def _delete(self, made: Provisioned) -> None:
        if made.stack_id:
            client = self._client(made)
            client.delete_stack(StackName=made.stack_id)
            _wait(client, made.stack_id, "DELETE_COMPLETE")

    def _client(self, made: Provisioned) -> Any:
        credentials: Credentials = made.caller.credentials
        if made.role_arn:
            service = "servicecatalog.amazonaws.com"
            credentials = self.world.assume(made.role_arn, service, "servicecatalog", made.arn)
        return self.world.client("cloudformation", credentials, made.caller.region)

    def _outputs(self, made: Provisioned) -> list[dict[str, str]]:
        stack = self._client(made).describe_stacks(StackName=made.stack_id)["Stacks"][0] if made.stack_id else {}
        arn = {
            "OutputKey": "CloudformationStackARN",
            "OutputValue": made.stack_id,
            "Description": "The ARN of the stack",
        }
        return [arn, *stack.get("Outputs", [])]

    def _record(self, made: Provisioned, kind: str) -> Record:
        record = Record(f"rec-{unique_id(13)}", kind, made)
        self.state.records[record.id] = record
        made.last_record = record.id
        return record

    def _named(self, caller: Caller, name: str | None) -> Provisioned | None:
        mine = (m for m in self.state.provisioned.values() if m.caller.account == caller.account)
        return next((m for m in mine if name in (m.id, m.name)), None)

    def _find(self, caller: Caller, name: str | None) -> Provisioned:
        made = self._named(caller, name)
        if made is None:
            raise not_found("Provisioned product", str(name))
        return made


def _wait(client: Any, stack_id: str, wanted: str) -> None:
    """Wait until a stack has come to rest; raises ServiceError with the first failed resource's reason."""
    while (stack := client.describe_stacks(StackName=stack_id)["Stacks"][0])["StackStatus"].endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if stack["StackStatus"] != wanted:
        events = client.describe_stack_events(StackName=stack_id)["StackEvents"][::-1]
        failed: dict[str, Any] = next((e for e in events if e["ResourceStatus"].endswith("_FAILED")), stack)
        name = failed.get("LogicalResourceId", stack["StackName"])
        reason = failed.get("ResourceStatusReason") or stack.get("StackStatusReason", "no reason was given")
        raise ServiceError("StackFailed", f"Stack {stack_id} is {stack['StackStatus']}: {name}: {reason}")
