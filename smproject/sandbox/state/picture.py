"""One look at everything that is to be kept, which passes over what can't have changed.

A part is written again when its service was called, or when it has been left alone for long compared with what writing
it costs: work in the background, and one service on behalf of another, change things without a call.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.state.encoder import Encoder, Part, UnkeptError
from smproject.sandbox.state.scheme import Scheme

_LEAVE = 50  # times what it costs
_MODULES = {"monitoring": "cloudwatch", "states": "stepfunctions"}  # of moto, where the name in signatures differs


@dataclass
class Seen:
    """A part as it was seen last."""

    part: Part
    seconds: float
    time: float
    text: str = ""

    def is_due(self, called: Collection[str]) -> bool:
        """Tell whether to look again."""
        owner = self.part.name.removeprefix("service/").removeprefix("moto.").partition(".")[0]
        return owner in called or time.monotonic() - self.time > _LEAVE * self.seconds


class Pictures:
    """Looks again and again."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._seen: dict[str, Seen] = {}

    def take(self, parts: Mapping[str, Mapping[str, Any]], called: Collection[str], *, whole: bool) -> set[str]:
        """Look at roots' attributes, by part; return what could not be written. `whole` passes over nothing."""
        encoder, unkept = Encoder(self._scheme), set[str]()
        owners = {*called, *(_MODULES[name] for name in called if name in _MODULES)}
        before, self._seen = self._seen, {}
        moved, new = set[str](), set[int]()
        for name, attributes in parts.items():
            former, began = before.get(name), time.monotonic()
            if former and not whole and not former.is_due(owners) and _stands(former.part, moved, new):
                encoder.adopt(former.part)
                self._seen[name] = former
                continue
            try:
                part = encoder.part(name, attributes)
            except UnkeptError as error:
                unkept.add(str(error))
                moved.add(name)
                continue
            self._seen[name] = Seen(part, time.monotonic() - began, began)
            if former is None or former.part.places != part.places:
                moved.add(name)
                new |= part.places.keys() - (former.part.places if former else {}).keys()
        return unkept

    def texts(self) -> dict[str, str]:
        """Return every part as it was seen last, as JSON."""
        for seen in self._seen.values():
            if not seen.text:
                seen.text, seen.part.content = json.dumps(seen.part.content), None
        return {name: seen.text for name, seen in self._seen.items()}


def _stands(part: Part, moved: set[str], new: set[int]) -> bool:
    """Tell whether a part is right still: what it refers to is where it was, and nothing of it is elsewhere now."""
    return part.refers.isdisjoint(moved) and (not new or new.isdisjoint(part.places))
