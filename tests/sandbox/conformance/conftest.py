"""Who plays the rows."""

from __future__ import annotations

import pytest
from harness import Sandbox
from rows import Player


@pytest.fixture
def player(sandbox: Sandbox) -> Player:
    return Player(sandbox)
