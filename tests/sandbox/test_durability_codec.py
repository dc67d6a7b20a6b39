"""How the state is written: what comes back is the same graph, and nothing that it names is run."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, defaultdict, deque
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.service import Caller
from smproject.sandbox.state.blobs import Blobs
from smproject.sandbox.state.decoder import Decoder, UnreadableError
from smproject.sandbox.state.encoder import Encoder, UnkeptError
from smproject.sandbox.state.scheme import Scheme
from smproject.sandbox.state.values import VALUES


@pytest.fixture
def scheme(tmp_path: Path) -> Scheme:
    return Scheme({}, VALUES, Blobs(tmp_path))


def both_ways(scheme: Scheme, *parts: dict[str, Any], fresh: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Write parts as JSON text and read them."""
    encoder, decoder = Encoder(scheme), Decoder(scheme)
    texts = [json.dumps(encoder.part(str(number), part).content) for number, part in enumerate(parts)]
    return [decoder.part(str(number), json.loads(text), fresh or {}) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    "value",
    [
        {"": 1, 2: "two", (3, "x"): None},
        {("b", 1)},
        [1, 2.5, True, None, "ü\ud800"],
        b"short",
        b"long" * 5000,
        bytearray(b"growing"),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        timedelta(days=-1, seconds=2),
        Decimal("1.10"),
        OrderedDict(b=1, a=2),
        deque([1, 2], 5),
        frozenset({1}),
        Path("/elsewhere/file"),
    ],
    ids=repr,
)
def test_a_value_comes_back(scheme: Scheme, value: object) -> None:
    [found] = both_ways(scheme, {"value": value})
    assert (found["value"], type(found["value"])) == (value, type(value))


def test_what_is_shared_stays_one_over_parts_and_circles(scheme: Scheme) -> None:
    inner: dict[str, Any] = {"n": 1}
    inner["self"] = inner
    first, second = both_ways(scheme, {"a": [inner], "b": inner}, {"c": inner})
    assert first["b"]["self"] is first["b"] is first["a"][0] is second["c"]


def test_an_object_comes_back_with_new_locks_and_events_as_they_were(scheme: Scheme) -> None:
    caller = Caller("1", "us-east-1", "arn", None)  # type: ignore[arg-type]
    job = Job("Training", "name", "arn", caller, {"a": [1]})
    job.stopping.set()
    with job.lock:
        [found] = both_ways(scheme, {"job": job, "caller": caller})
    again = found["job"]
    assert (again.name, again.created, again.request) == (job.name, job.created, job.request)
    assert (again.stopping.is_set(), again.lock.locked()) == (True, False)
    assert again.caller is found["caller"]


def test_the_missing_values_of_a_dictionary_are_made_as_before(scheme: Scheme) -> None:
    made: defaultdict[str, list[int]] = defaultdict(list, a=[1])
    [found] = both_ways(scheme, {"value": {"inside": made}})
    assert found["value"]["inside"]["new"] == []


def test_files_in_the_home_move_with_it(scheme: Scheme, tmp_path: Path) -> None:
    text = json.dumps(Encoder(scheme).part("0", {"at": tmp_path / "git"}).content)
    moved = Scheme({}, VALUES, Blobs(Path("/other")))
    assert Decoder(moved).part("0", json.loads(text), {}) == {"at": Path("/other/git")}


def test_what_a_fresh_root_holds_is_filled_in_place(scheme: Scheme) -> None:
    fresh: dict[str, Any] = {"kept": {"old": 1}, "condition": threading.Condition()}
    held = dict(fresh)
    [found] = both_ways(scheme, {"kept": {"new": 2}, "condition": threading.Condition()}, fresh=fresh)
    assert found["kept"] is held["kept"]
    assert held["kept"] == {"new": 2}
    assert found["condition"] is held["condition"]


@pytest.mark.parametrize(
    "value", [lambda: None, open, ValueError("x"), iter([])], ids=lambda value: type(value).__name__
)
def test_what_cannot_be_written_is_told_with_its_place(scheme: Scheme, value: object) -> None:
    with pytest.raises(UnkeptError) as refused:
        Encoder(scheme).part("service/x", {"attribute": {"key": [0, value]}})
    assert str(refused.value).endswith("it is service/x > attribute > key > 1")


@pytest.mark.parametrize("name", ["os:system", "builtins:eval", "smproject.sandbox.nothing:At", "moto.s3.models:os"])
def test_no_other_names_are_read(scheme: Scheme, name: str) -> None:
    for written in ({"": "name", "v": name}, {"": "object", "c": name}):
        with pytest.raises(UnreadableError):
            Decoder(scheme).part("0", {"value": written}, {})
