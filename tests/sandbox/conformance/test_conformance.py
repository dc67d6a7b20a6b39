"""Each row of this folder's tables, done to the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from rows import Player, Row, steps_of

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
ROWS = [(file.stem, row) for file in FILES for row in yaml.safe_load(file.read_text())]
DOCUMENTATION = "https://docs.aws.amazon.com/"


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[f"{table}: {row['behaviour']}" for table, row in ROWS])
def test_the_sandbox_does_as_documented(table: str, row: Row, player: Player) -> None:
    player.prepare(row)
    for step in steps_of(row):
        player.play(step)


def test_every_row_names_the_page_that_states_it_and_no_other_row_s_behaviour() -> None:
    behaviours = [row["behaviour"] for _, row in ROWS]
    assert all(row["source"].startswith(DOCUMENTATION) for _, row in ROWS)
    assert len(behaviours) == len(set(behaviours)) >= 250


def test_every_row_expects_something() -> None:
    assert not [row["behaviour"] for _, row in ROWS if not any(map(_expects, steps_of(row)))]


def _expects(step: dict[str, Any]) -> bool:
    plain = {
        "create",
        "update",
        "change-set",
        "delete",
        "parameters",
        "options",
        "call",
        "with",
        "execute",
        "stack",
        "keep",
    }
    return bool(set(step) - plain)
