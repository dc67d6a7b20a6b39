"""A stack whose update failed is still known, with what it was, after the sandbox has been killed and started again."""

from __future__ import annotations

from pathlib import Path

from durable import Durable
from stacks import FOLLOWED, Stacks, with_bad


def test_a_failed_update_is_rolled_back_after_a_restart(tmp_path: Path) -> None:
    durable, name = Durable(tmp_path / "home"), "restarted"
    try:
        stacks = Stacks(durable.up())
        made = stacks.create(FOLLOWED, {"Name": name}, StackName=name, EnableTerminationProtection=True)
        broken = with_bad(FOLLOWED).replace("Value: third", "Value: changed")
        failed = stacks.update(name, broken, {"Name": f"{name}-new"}, DisableRollback=True)
        assert failed["StackStatus"] == "UPDATE_FAILED"
        durable.saved()
        durable.kill()
        stacks = Stacks(durable.up())
        assert stacks.ended(name)["EnableTerminationProtection"] is True
        stacks.api.rollback_stack(StackName=name)
        ended = stacks.ended(name)
        assert (ended["StackStatus"], ended["Outputs"]) == ("UPDATE_ROLLBACK_COMPLETE", made["Outputs"])
        found = {suffix: stacks.parameter(f"{name}{suffix}") for suffix in ("", "-new", "-2", "-3", "-4")}
        assert found == {"": "one", "-new": None, "-2": name, "-3": "third", "-4": None}
    finally:
        durable.kill()
