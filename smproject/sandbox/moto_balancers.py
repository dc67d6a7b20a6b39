"""The seam to moto's classic load balancers: what it forgets, and where it is wrong."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elb.models import ELBBackend, FakeBackend, FakeListener, LoadBalancer
from moto.elb.responses import ELBResponse

from smproject.sandbox import moto_kept

_add_listeners = ELBBackend.create_load_balancer_listeners


def mend() -> None:
    """Let load balancers keep what they are asked for, and be right where moto is not."""
    FakeListener.instance_protocol = property(lambda self: vars(self).get("_instance_protocol") or self.protocol)
    LoadBalancer.source_security_group = property(_source)
    ELBBackend.create_load_balancer_listeners = _add
    for operation in ("create_load_balancer", "create_load_balancer_listeners"):
        moto_kept.after(ELBResponse, operation, _keep_protocols)


def _source(self: LoadBalancer) -> dict[str, str]:
    """Return the group from which requests reach instances: outside the default network it is the balancer's first."""
    return {"OwnerAlias": self.account_id, "GroupName": self.security_groups[0]}


def _add(self: ELBBackend, name: str, ports: list[dict[str, Any]]) -> LoadBalancer | None:
    """Give new listeners the port behind them, which moto gives only those of the balancer's creation."""
    balancer = _add_listeners(self, name, ports)
    if balancer:
        known = {str(each.instance_port) for each in balancer.backends}
        wanted = [port["InstancePort"] for port in ports if str(port["InstancePort"]) not in known]
        balancer.backends.extend(FakeBackend(instance_port=port) for port in wanted)
    return balancer


def _keep_protocols(self: ELBResponse, _: ActionResult) -> None:
    """Keep the protocol to instances, which moto takes to be the one in front."""
    balancer = self.elb_backend.get_load_balancer(self._get_param("LoadBalancerName"))
    asked = {str(each["LoadBalancerPort"]): each.get("InstanceProtocol") for each in self._get_param("Listeners", [])}
    for listener in balancer.listeners:
        if protocol := asked.get(str(listener.load_balancer_port)):
            listener._instance_protocol = protocol.upper()
