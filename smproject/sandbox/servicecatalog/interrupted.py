"""What becomes of records that a stop of the sandbox has cut off: their stacks tell.

A stack whose creation or update was under way comes to an end of its own, which is the record's. What ends a
provisioned product is to be asked for again.
"""

from __future__ import annotations

from smproject.sandbox.service import INTERRUPTED, ServiceError
from smproject.sandbox.servicecatalog import stacks
from smproject.sandbox.servicecatalog.launches import Record
from smproject.sandbox.servicecatalog.state import State

_WANTED = {"PROVISION_PRODUCT": "CREATE_COMPLETE", "UPDATE_PROVISIONED_PRODUCT": "UPDATE_COMPLETE"}


def tidy(state: State) -> list[Record]:
    """Forget provisioned products that no record is of yet; return the records that are under way."""
    known = {record.provisioned.id for record in state.records.values()}
    for name in state.provisioned.keys() - known:
        del state.provisioned[name]
    return [record for record in state.records.values() if record.status in ("CREATED", "IN_PROGRESS")]


def follow(state: State, record: Record) -> None:
    """Wait for the end of a record's stack; raises ServiceError when it isn't the wanted one, or can't be known."""
    made, wanted = record.provisioned, _WANTED.get(record.type)
    if wanted is None or not stacks.find(state, made):
        raise ServiceError("Interrupted", INTERRUPTED)
    try:
        stacks.wait(state, made, wanted)
    except ServiceError:
        made.take(**made.former)  # an update that was taken back leaves the product what it was
        raise
