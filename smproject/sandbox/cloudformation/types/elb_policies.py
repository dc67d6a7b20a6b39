"""The listeners of classic load balancers, and the policies that are set on them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.intrinsics import text

PROPERTIES = ("Listeners", "Policies", "AppCookieStickinessPolicy", "LBCookieStickinessPolicy")


def created(listener: Properties) -> Properties:
    """Return a listener as its creation takes it."""
    return {name: item for name, item in listener.items() if name != "PolicyNames"}


def bring(client: Any, name: str, before: Properties, after: Properties) -> None:
    """Bring listeners and policies to what they are to be: policies that are in use can't be deleted."""
    if all(same(before.get(each, []), after.get(each, [])) for each in PROPERTIES):
        return
    target = {"LoadBalancerName": name}
    _attach(client, target, {kind: {port: [] for port in ports} for kind, ports in _attached(before).items()})
    old, new = _listeners(before), _listeners(after)
    gone = [port for port in old if not same(old[port], new.get(port))]
    for port in gone:  # one by one: moto doubles the others when it is asked for several
        call(client, "DeleteLoadBalancerListeners", target | {"LoadBalancerPorts": [port]})
    for policy in _policies(before):
        call(client, "DeleteLoadBalancerPolicy", target | {"PolicyName": policy})
    if added := [item for port, item in new.items() if port not in old or port in gone]:
        call(client, "CreateLoadBalancerListeners", target | {"Listeners": added})
    for policy, (operation, members) in _policies(after).items():
        call(client, operation, target | {"PolicyName": policy} | members)
    _attach(client, target, _attached(after))


def _listeners(properties: Properties) -> dict[str, Properties]:
    return {text(each["LoadBalancerPort"]): created(each) for each in properties.get("Listeners") or []}


def _policies(properties: Properties) -> dict[str, tuple[str, Properties]]:
    """Return for each policy the call that makes it, and what that takes."""
    cookies = {
        each["PolicyName"]: ("CreateAppCookieStickinessPolicy", {"CookieName": each["CookieName"]})
        for each in properties.get("AppCookieStickinessPolicy") or []
    }
    periods = {
        each["PolicyName"]: (
            "CreateLBCookieStickinessPolicy",
            {name: each[name] for name in ("CookieExpirationPeriod",) if name in each},
        )
        for each in properties.get("LBCookieStickinessPolicy") or []
    }
    return cookies | periods | {each["PolicyName"]: _policy(each) for each in properties.get("Policies") or []}


def _policy(policy: Properties) -> tuple[str, Properties]:
    attributes = [{f"Attribute{name}": item for name, item in each.items()} for each in policy["Attributes"]]
    return "CreateLoadBalancerPolicy", {"PolicyTypeName": policy["PolicyType"], "PolicyAttributes": attributes}


def _attached(properties: Properties) -> dict[str, dict[str, list[str]]]:
    """Return which policies are set on which ports, of the load balancer and of its instances."""
    listeners = {
        text(each["LoadBalancerPort"]): [text(name) for name in each.get("PolicyNames") or []]
        for each in properties.get("Listeners") or []
    }
    instances: dict[str, list[str]] = {}
    for policy in properties.get("Policies") or []:
        for ports, where in ((policy.get("LoadBalancerPorts"), listeners), (policy.get("InstancePorts"), instances)):
            for port in ports or []:
                where.setdefault(text(port), []).append(text(policy["PolicyName"]))
    return {"LoadBalancerPort": {port: names for port, names in listeners.items() if names}, "InstancePort": instances}


def _attach(client: Any, target: Properties, attached: dict[str, dict[str, list[str]]]) -> None:
    for port, names in attached["LoadBalancerPort"].items():
        wanted = {"LoadBalancerPort": port, "PolicyNames": names}
        call(client, "SetLoadBalancerPoliciesOfListener", target | wanted)
    for port, names in attached["InstancePort"].items():
        wanted = {"InstancePort": port, "PolicyNames": names}
        call(client, "SetLoadBalancerPoliciesForBackendServer", target | wanted)
