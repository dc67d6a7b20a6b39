"""Find and delete the project itself, and the stacks that were made for it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from smproject import projects
from smproject.destroy.items import Item, pages
from smproject.destroy.owner import ID_TAG, Owner, tags_of
from smproject.errors import DeploymentError
from smproject.stacks import parameters_of

PATIENCE, POLL = 1800.0, 0.5
# Parameters by which stacks of this tool say for whom they were made; TargetModelProjectId may be another project.
PARAMETERS = ("SageMakerProjectId", "TargetDeployProjectId")
# How Service Catalog names the stacks of provisioned products.
PRODUCT_STACK = re.compile(r"SC-[0-9]{12}-(pp-[a-z0-9]+)")


def project(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the project, as long as SageMaker knows it."""
    if owner.is_live:
        client = session.client("sagemaker")
        yield Item("project", owner.name, f"{owner.id}, with its stack", partial(_delete_project, client, owner.name))


def stacks(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's stacks; first those that a role of another stack makes, and so deletes."""
    client = session.client("cloudformation")
    found = [each for each in pages(client, "describe_stacks", "Stacks") if _is_owned(each, owner)]
    for each in sorted(found, key=lambda stack: "RoleARN" not in stack):
        if each["StackStatus"] != "DELETE_COMPLETE":
            yield Item("stack", each["StackName"], "", _deletion(session, each))


def _is_owned(stack: Mapping[str, Any], owner: Owner) -> bool:
    tags = tags_of(stack.get("Tags", []))
    parameters = parameters_of(stack)
    said = [parameters[name] for name in PARAMETERS if name in parameters]
    if ID_TAG not in tags and said:
        return owner.id in said
    return owner.owns(stack["StackName"], tags)


def _deletion(session: Any, stack: Mapping[str, Any]) -> Callable[[], None]:
    """How a stack is deleted: Service Catalog's by Service Catalog, which would keep the product of it otherwise."""
    delete = partial(_delete_stack, session.client("cloudformation"), stack["StackId"])
    if product := PRODUCT_STACK.fullmatch(stack["StackName"]):
        return partial(_terminate, session.client("servicecatalog"), product[1], delete)
    return delete


def _terminate(client: Any, product: str, delete: Callable[[], None]) -> None:
    try:
        record = client.terminate_provisioned_product(ProvisionedProductId=product)["RecordDetail"]
    except client.exceptions.ResourceNotFoundException:
        delete()  # the product is gone, and its stack was left
        return
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        record = client.describe_record(Id=record["RecordId"])["RecordDetail"]
        if record["Status"] == "SUCCEEDED":
            return
        if record["Status"] == "FAILED":
            told = "; ".join(each["Description"] for each in record["RecordErrors"])
            raise DeploymentError(f"its product {product} was not terminated: {told}")
        time.sleep(POLL)
    raise DeploymentError(f"its product {product} was not terminated within {PATIENCE / 60:.0f} minutes")


def _delete_project(client: Any, name: str) -> None:
    client.delete_project(ProjectName=name)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = client.describe_project(ProjectName=name)
        if found["ProjectStatus"] == "DeleteCompleted":
            return
        if found["ProjectStatus"] == "DeleteFailed":
            raise DeploymentError(f"its stack was not deleted: {projects.reason(found)}")
        time.sleep(POLL)
    raise DeploymentError(f"it was not deleted within {PATIENCE / 60:.0f} minutes")


def _delete_stack(client: Any, identifier: str) -> None:
    client.delete_stack(StackName=identifier)
    client.get_waiter("stack_delete_complete").wait(
        StackName=identifier, WaiterConfig={"Delay": 0.5, "MaxAttempts": 3600}
    )
