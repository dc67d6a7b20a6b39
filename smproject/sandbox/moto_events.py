"""What moto keeps of event buses and archives, where its operations fall short (tests/sandbox/test_events.py)."""

from __future__ import annotations

import json
from typing import Any

from moto.events.models import EventBus, EventBusPolicyStatement, events_backends


def set_statements(account: str, region: str, bus: str, statements: list[dict[str, Any]]) -> None:
    """Put a bus's policy; moto's own call only adds to it. The bus must exist."""
    found = _bus(account, region, bus)
    found._statements = {each["Sid"]: EventBusPolicyStatement.from_dict(each) for each in statements}


def update_bus(account: str, region: str, bus: str, request: dict[str, Any]) -> None:
    """Give a bus its description, key and dead-letter queue; what the request lacks is taken away."""
    found = _bus(account, region, bus)
    found.description = request.get("Description")
    found.kms_key_identifier = request.get("KmsKeyIdentifier")
    found.dead_letter_config = request.get("DeadLetterConfig")


def archive(account: str, region: str, rule: str, event: dict[str, Any]) -> None:
    """Keep an event in the archive that a rule of EventBridge's own (`Events-Archive-NAME`) fills."""
    found = events_backends[account][region].archives[rule.removeprefix("Events-Archive-")]
    found.events.append(json.loads(json.dumps(event)))


def _bus(account: str, region: str, name: str) -> EventBus:
    return events_backends[account][region].event_buses[name]
