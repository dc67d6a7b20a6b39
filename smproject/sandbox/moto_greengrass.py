"""The seam to moto's Greengrass, which lets no definition be without a first version."""

from __future__ import annotations

from typing import Any

from moto.greengrass.models import (
    FakeCoreDefinition,
    FakeFunctionDefinition,
    FakeSubscriptionDefinition,
    GreengrassBackend,
)

Version = dict[str, Any] | None
_core, _functions = GreengrassBackend.create_core_definition, GreengrassBackend.create_function_definition
_subscriptions = GreengrassBackend.create_subscription_definition


def mend() -> None:
    """Let definitions be made whose versions come later."""
    GreengrassBackend.create_core_definition = _create_core
    GreengrassBackend.create_function_definition = _create_functions
    GreengrassBackend.create_subscription_definition = _create_subscriptions


def _create_core(self: GreengrassBackend, name: str, initial_version: Version) -> FakeCoreDefinition:
    if initial_version:
        return _core(self, name, initial_version)
    made = FakeCoreDefinition(self.account_id, self.region_name, name)
    self.core_definitions[made.id], self.core_definition_versions[made.id] = made, {}
    return made


def _create_functions(self: GreengrassBackend, name: str, initial_version: Version) -> FakeFunctionDefinition:
    if initial_version:
        return _functions(self, name, initial_version)
    made = FakeFunctionDefinition(self.account_id, self.region_name, name, {})
    self.function_definitions[made.id], self.function_definition_versions[made.id] = made, {}
    return made


def _create_subscriptions(self: GreengrassBackend, name: str, initial_version: Version) -> FakeSubscriptionDefinition:
    if initial_version:
        return _subscriptions(self, name, initial_version)
    made = FakeSubscriptionDefinition(self.account_id, self.region_name, name, {})
    self.subscription_definitions[made.id], self.subscription_definition_versions[made.id] = made, {}
    return made
