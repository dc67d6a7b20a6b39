"""The endpoint test: what an endpoint must do before its stage counts as deployed.

    STAGE=staging python -m pytest pipelines/deploy/realtime/test_endpoint.py --junitxml endpoint-tests.xml

It invokes the stage's endpoint with the role that may do nothing else, and costs a few hundred requests.
"""

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.deploy.realtime.endpoint import CSV, JSON, JSON_LINES, Endpoint, Record
from pipelines.deploy.realtime.golden import Golden, Prediction
from pipelines.deploy.realtime.stage import Limits

UNSEEN = "a category that no training data held"
UNKNOWN = "a_column_that_no_model_has"
# What a column of a kind does not take.
WRONG = {"numeric": "no number, no image", "image": "no number, no image", "text": 7}

MALFORMED = {
    "broken JSON": ('{"instances": [', JSON),
    "JSON that is no record": ('"a text"', JSON),
    "another content type": ("<record/>", "application/xml"),
    "too many values in a CSV row": ("," * 10_000, CSV),
}


def check_refused(live: Endpoint, record: Record, column: str) -> None:
    refused = live.refusal(json.dumps({"instances": [record]}), JSON)
    assert refused, f"endpoint {live.name} answers a record whose column {column!r} is wrong; it must refuse it"
    assert 400 <= refused.status < 500, f"a record whose column {column!r} is wrong gets HTTP {refused.status}, not 4xx"
    assert column in refused.message, f"the refusal does not name column {column!r}: {refused.message}"


def check_predictions(found: list[Prediction], golden: Golden, content_type: str) -> None:
    if golden.answers:
        check_answers(found, golden.answers, content_type)
    else:
        check_scores(found, golden, content_type)


def check_answers(found: list[Any], wanted: list[str], content_type: str) -> None:
    assert len(found) == len(wanted), f"{len(wanted)} records as {content_type} give {len(found)} answers"
    for row, (given, known) in enumerate(zip(found, wanted, strict=True)):
        told = f"record {row} as {content_type} is answered {given!r}; at its evaluation the model answered {known!r}"
        assert given == known, told


def check_scores(found: list[Any], golden: Golden, content_type: str) -> None:
    wanted, tolerance = golden.scores or [], golden.tolerance
    told = f"{len(wanted)} records of {len(wanted[0])} scores as {content_type} give {[*map(len, found)]} scores"
    assert [*map(len, found)] == [*map(len, wanted)], told
    # Relative too: large values of a regression differ by more than a probability does.
    near = functools.partial(math.isclose, rel_tol=tolerance, abs_tol=tolerance)
    close = [all(map(near, *pair)) for pair in zip(found, wanted, strict=True)]
    worst = max(range(len(found)), key=lambda row: math.dist(found[row], wanted[row]))
    given, known = (", ".join(map(str, scores[worst])) for scores in (found, wanted))
    told = f"record {worst} as {content_type} scores {given}; at its evaluation the model gave {known}"
    assert all(close), f"{told} ({close.count(False)} of {len(close)} records differ by more than {tolerance})"


def is_sound(found: Prediction) -> bool:
    """Whether it is a text, or none of its scores is infinite."""
    return isinstance(found, str) or all(map(math.isfinite, found))


def test_it_answers(live: Endpoint, golden: Golden) -> None:
    (found,) = live.predictions(golden.records[:1], JSON, golden)

    assert is_sound(found), f"the first record scores {found}"


@pytest.mark.parametrize("content_type", [JSON, JSON_LINES, CSV])
def test_it_gives_the_predictions_of_the_evaluation(content_type: str, live: Endpoint, golden: Golden) -> None:
    check_predictions(live.predictions(golden.records, content_type, golden), golden, content_type)


def test_a_record_that_lacks_a_column_is_refused(live: Endpoint, golden: Golden) -> None:
    for column in golden.names:
        check_refused(live, {name: golden.records[0][name] for name in golden.names if name != column}, column)


def test_a_record_with_an_unknown_column_is_refused(live: Endpoint, golden: Golden) -> None:
    check_refused(live, {**golden.records[0], UNKNOWN: 1}, UNKNOWN)


def test_a_value_of_another_kind_is_refused(live: Endpoint, golden: Golden) -> None:
    column = golden.first(*WRONG)
    if column is None:
        pytest.skip("the model has columns of categories alone")
    check_refused(live, {**golden.records[0], column.name: WRONG[column.kind]}, column.name)


def test_a_category_never_seen_is_accepted(live: Endpoint, golden: Golden) -> None:
    column = golden.first("categorical")
    if column is None:
        pytest.skip("the model has no categorical column")
    (found,) = live.predictions([{**golden.records[0], column.name: UNSEEN}], JSON, golden)

    assert is_sound(found), f"a record with an unseen category in column {column.name!r} scores {found}"


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_input_is_refused_and_does_no_harm(what: str, live: Endpoint, golden: Golden) -> None:
    refused = live.refusal(*MALFORMED[what])

    assert refused, f"endpoint {live.name} answers {what}; it must refuse it"
    assert 400 <= refused.status < 500, f"{what} gets HTTP {refused.status}, not 4xx: {refused.message}"
    check_predictions(live.predictions(golden.records, CSV, golden), golden, CSV)


def test_latency_is_within_its_budget(
    live: Endpoint, golden: Golden, limits: Limits, report_latency: Callable[[dict[int, float]], None]
) -> None:
    taken = sorted(live.latencies(golden.records, limits.latency_requests))
    found = {percent: taken[math.ceil(len(taken) * percent / 100) - 1] for percent in (50, 95, 99)}
    report_latency(found)

    assert found[99] <= limits.latency_budget_ms, (
        f"p99 of {len(taken)} requests is {found[99]:.0f} ms, p50 {found[50]:.0f} ms; "
        f"tests.latency_budget_ms of the stage is {limits.latency_budget_ms}"
    )
