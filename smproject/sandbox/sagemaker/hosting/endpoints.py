"""The operations on endpoints."""

from __future__ import annotations

from functools import partial
from typing import Any

from smproject.sandbox.sagemaker.hosting import deployment, notices
from smproject.sandbox.sagemaker.hosting.configs import Configs
from smproject.sandbox.sagemaker.hosting.endpoint import Endpoint
from smproject.sandbox.sagemaker.hosting.fleet import Fleet
from smproject.sandbox.sagemaker.hosting.listing import listing
from smproject.sandbox.sagemaker.hosting.plan import Plan, plan
from smproject.sandbox.sagemaker.hosting.refusals import invalid, missing, refuse, taken
from smproject.sandbox.sagemaker.hosting.variant import Place, Variant
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, unique_id
from smproject.sandbox.world import World


class Endpoints:
    """Endpoints, by ARN."""

    def __init__(self, world: World, configs: Configs, tags: Tags) -> None:
        self.world, self.configs, self.tags = world, configs, tags
        self.endpoints: dict[str, Endpoint] = {}

    def create_endpoint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an endpoint: its containers start in the background."""
        name, arn = request["EndpointName"], caller.arn_of("sagemaker", f"endpoint/{request['EndpointName']}")
        if arn in self.endpoints:
            raise taken("endpoint", arn)
        config = self.configs.find(caller, request["EndpointConfigName"])
        endpoint = Endpoint(Place(self.world, caller, name, arn, self._folder(caller, name)), config)
        endpoint.deployment = request.get("DeploymentConfig")
        fleet = Fleet(endpoint.place, config)
        self._plan(fleet, endpoint.deployment)
        self.endpoints[arn] = endpoint
        self.tags.set(arn, request.get("Tags", []))
        self.world.background(f"create {name}", lambda: deployment.create(endpoint, fleet))
        return {"EndpointArn": arn}

    def describe_endpoint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an endpoint."""
        return self._find(caller, request).describe()

    def list_endpoints(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's endpoints, newest first unless SortOrder says otherwise."""
        prefix = caller.arn_of("sagemaker", "endpoint/")
        return listing(self.endpoints, prefix, request, "Endpoints", "EndpointName")

    def update_endpoint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Deploy another configuration: a new fleet takes over from the old one in the background."""
        endpoint = self._find(caller, request)
        config = self.configs.find(caller, request["EndpointConfigName"])
        wanted = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            wanted = wanted or endpoint.deployment
        with endpoint.lock:
            old = _in_service(endpoint)
            place = Place(self.world, caller, endpoint.name, endpoint.arn, self._folder(caller, endpoint.name))
            fleet = Fleet(place, config)
            if request.get("RetainAllVariantProperties"):
                excluded = request.get("ExcludeRetainedVariantProperties", [])
                fleet.retain(old, {item["VariantPropertyType"] for item in excluded})
            steps = self._plan(fleet, wanted)
            _know_alarms(endpoint, fleet, steps)
            endpoint.pending, endpoint.deployment = fleet, wanted
            endpoint.move("Updating")
        self.world.background(f"update {endpoint.name}", lambda: deployment.update(endpoint, fleet, steps))
        return {"EndpointArn": endpoint.arn}

    def update_endpoint_weights_and_capacities(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change variants' shares of the traffic and their counts of instances."""
        endpoint = self._find(caller, request)
        with endpoint.lock:
            fleet, changes = _in_service(endpoint), []
            for wanted in request["DesiredWeightsAndCapacities"]:
                refuse(["ServerlessUpdateConfig"], wanted, "sagemaker:UpdateEndpointWeightsAndCapacities")
                variant = fleet.variant(wanted["VariantName"])
                if variant is None:
                    raise invalid(f"The endpoint {endpoint.name} has no production variant {wanted['VariantName']}.")
                changes.append((variant, wanted))
            endpoint.move("Updating")
        self.world.background(f"scale {endpoint.name}", lambda: _scale(endpoint, changes))
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete an endpoint: requests in flight end, then its containers are stopped in the background."""
        endpoint = self._find(caller, request)
        with endpoint.lock:
            if endpoint.status not in ("InService", "Failed"):
                raise _in_progress(endpoint)
            endpoint.move("Deleting")
        self.world.background(f"delete {endpoint.name}", lambda: self._delete(endpoint))
        return {}

    def of_name(self, caller: Caller, name: str) -> Endpoint | None:
        """Return an endpoint of the caller's account by its name; None when there is none."""
        return self.endpoints.get(caller.arn_of("sagemaker", f"endpoint/{name}"))

    def resume(self) -> None:
        """Start the servers again; fail what was being created, go back where an update was under way."""
        for endpoint in list(self.endpoints.values()):
            name, endpoint.pending, former = endpoint.name, None, endpoint.status
            if former == "Deleting":
                self.world.background(f"delete {name}", partial(self._delete, endpoint))
            elif former == "Creating" or endpoint.fleet is None:
                endpoint.fleet = None
                endpoint.move("Failed", endpoint.failure_reason or INTERRUPTED)
            else:
                endpoint.move("SystemUpdating")
                self.world.background(f"start {name}", partial(deployment.restart, endpoint, endpoint.fleet, former))

    def _delete(self, endpoint: Endpoint) -> None:
        try:
            deployment.delete(endpoint)
        finally:
            del self.endpoints[endpoint.arn]

    def _find(self, caller: Caller, request: Request) -> Endpoint:
        endpoint = self.of_name(caller, request["EndpointName"])
        if endpoint is None:
            raise missing("endpoint", caller.arn_of("sagemaker", f"endpoint/{request['EndpointName']}"))
        return endpoint

    def _folder(self, caller: Caller, name: str) -> Any:
        return self.world.home / "endpoints" / caller.account / f"{name}-{unique_id(8)}"

    @staticmethod
    def _plan(fleet: Fleet, wanted: dict[str, Any] | None) -> Plan:
        return plan(wanted, max(variant.instances for variant in fleet.variants))


def _in_progress(endpoint: Endpoint) -> ServiceError:
    return invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _in_service(endpoint: Endpoint) -> Fleet:
    """Return the fleet of an endpoint that may be changed."""
    if endpoint.status == "Failed":
        raise invalid(f'Cannot update endpoint "{endpoint.arn}": it has failed, so that it can only be deleted.')
    if endpoint.status != "InService" or endpoint.fleet is None:
        raise _in_progress(endpoint)
    return endpoint.fleet


def _know_alarms(endpoint: Endpoint, fleet: Fleet, steps: Plan) -> None:
    """Refuse alarms that don't exist: they would never stop a deployment."""
    _, known = deployment.alarming(endpoint, fleet, steps.alarms)
    if absent := [name for name in steps.alarms if name not in known]:
        raise invalid(f"AutoRollbackConfiguration names alarms that do not exist: {', '.join(absent)}.")


def _scale(endpoint: Endpoint, changes: list[tuple[Variant, dict[str, Any]]]) -> None:
    notices.state_changed(endpoint)
    with endpoint.lock:
        for variant, wanted in changes:
            variant.weight = float(wanted.get("DesiredWeight", variant.weight))
            variant.instances = int(wanted.get("DesiredInstanceCount", variant.instances))
    endpoint.move("InService")
    notices.state_changed(endpoint)
