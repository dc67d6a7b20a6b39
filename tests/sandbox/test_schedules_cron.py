"""When expressions are due, held against the examples of AWS's documentation.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice

import pytest

from smproject.sandbox import schedules_cron, schedules_expressions
from smproject.sandbox.schedules_expressions import Span

UTC = timezone.utc
MINUTE = timedelta(minutes=1)


def times(expression: str, after: str) -> Iterator[str]:
    """Yield the minutes of a cron expression after one, by asking for each."""
    cron, moment = schedules_cron.read(expression), datetime.fromisoformat(after)
    while moment.year < 2060:
        moment += MINUTE
        if not cron.holds_on(moment.date()):
            moment = moment.replace(hour=23, minute=59)
        elif cron.holds(moment):
            yield moment.isoformat(" ", "minutes")


# Expression, a time, and the next times after it; the first ten are the documentation's own examples.
NEXT = [
    ("0 10 * * ? *", "2026-03-01 09:00", ["2026-03-01 10:00", "2026-03-02 10:00"]),
    ("15 12 * * ? *", "2026-03-01 12:15", ["2026-03-02 12:15"]),
    ("0 18 ? * MON-FRI *", "2026-03-06 18:00", ["2026-03-09 18:00", "2026-03-10 18:00"]),
    ("0 8 1 * ? *", "2026-01-31 00:00", ["2026-02-01 08:00", "2026-03-01 08:00"]),
    ("0/15 * * * ? *", "2026-03-01 23:40", ["2026-03-01 23:45", "2026-03-02 00:00"]),
    ("0/10 * ? * MON-FRI *", "2026-03-06 23:45", ["2026-03-06 23:50", "2026-03-09 00:00"]),
    ("0/5 8-17 ? * MON-FRI *", "2026-03-06 17:50", ["2026-03-06 17:55", "2026-03-09 08:00"]),
    ("0 9 ? * 2#1 *", "2026-03-01 00:00", ["2026-03-02 09:00", "2026-04-06 09:00"]),
    ("15 10 ? * 6L 2022-2023", "2022-01-01 00:00", ["2022-01-28 10:15", "2022-02-25 10:15"]),
    ("0/30 20-2 ? * MON-FRI *", "2026-03-06 23:00", ["2026-03-06 23:30", "2026-03-09 00:00"]),
    ("5,35 14 * * ? *", "2026-03-01 14:05", ["2026-03-01 14:35", "2026-03-02 14:05"]),
    ("0 0 L * ? *", "2028-02-01 00:00", ["2028-02-29 00:00", "2028-03-31 00:00"]),
    ("0 0 ? * L *", "2026-03-01 00:00", ["2026-03-07 00:00"]),
    ("0 0 3W * ? *", "2026-01-01 00:00", ["2026-01-02 00:00", "2026-02-03 00:00"]),
    ("0 0 1W 8 ? *", "2026-01-01 00:00", ["2026-08-03 00:00"]),
    ("0 0 31W * ? *", "2026-02-01 00:00", ["2026-03-31 00:00", "2026-05-29 00:00"]),
    ("0 0 ? JAN,jul SUN *", "2026-01-20 00:00", ["2026-01-25 00:00", "2026-07-05 00:00"]),
    ("0 0 29 2 ? *", "2026-01-01 00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    ("0 0 ? * FRI#5 *", "2026-01-01 00:00", ["2026-01-30 00:00", "2026-05-29 00:00"]),
    ("0 0 1 1 ? 2027/2", "2026-01-01 00:00", ["2027-01-01 00:00", "2029-01-01 00:00"]),
    ("0 12 1 1 ? 2020", "2026-01-01 00:00", []),
]


@pytest.mark.parametrize(("expression", "after", "expected"), NEXT)
def test_the_next_times_are_aws(expression: str, after: str, expected: list[str]) -> None:
    assert list(islice(times(expression, after), len(expected) or 1)) == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("0 10 * * *", "5 fields"),
        ("0 10 * * * *", "one of the two fields"),
        ("0 10 ? * ? *", "one of the two fields"),
        ("60 10 * * ? *", "minute '60'"),
        ("0 24 * * ? *", "hour '24'"),
        ("0 10 0 * ? *", "day of the month '0'"),
        ("0 10 ? * 0 *", "day of the week '0'"),
        ("0 10 * 13 ? *", "month '13'"),
        ("0 10 * * ? 1969", "year '1969'"),
        ("0 10 * * ? 2200", "year '2200'"),
        ("0 20 * * ? 2030-2027", "backwards"),
        ("0/0 10 * * ? *", "step"),
        ("0/x 10 * * ? *", "step"),
        ("0 10 ? * 2#6 *", "week of the month '6'"),
        ("0 10 32W * ? *", "day of the month '32'"),
        ("0 10 ? * XYZ *", "day of the week 'XYZ'"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        schedules_cron.read(expression)


def due(expression: str, zone: str, after: str, until: str, start: str = "2026-01-01T00:00:00") -> str | None:
    """Return when an expression is due in a span of UTC."""
    first, last, begin = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (after, until, start))
    found = schedules_expressions.read(expression, zone).due(Span(first, last), begin)
    return found.isoformat().removesuffix("+00:00") if found else None


def test_a_time_zone_moves_the_clock() -> None:
    assert due("cron(0 9 * * ? *)", "Europe/Paris", "2026-01-05T07:59:30", "2026-01-05T08:00:10") == (
        "2026-01-05T08:00:00"
    )
    assert due("cron(0 9 * * ? *)", "Europe/Paris", "2026-07-05T06:59:30", "2026-07-05T07:00:10") == (
        "2026-07-05T07:00:00"
    )
    assert due("at(2026-07-05T09:00:00)", "Europe/Paris", "2026-07-05T06:59:59", "2026-07-05T07:00:00") == (
        "2026-07-05T07:00:00"
    )


def test_a_time_that_is_skipped_in_spring_is_not_due_and_one_that_comes_twice_in_autumn_once() -> None:
    day = ("2026-03-29T00:00:00", "2026-03-29T23:59:00")  # 02:30 does not exist in Paris
    assert due("cron(30 2 * * ? *)", "Europe/Paris", *day) is None
    # 02:30 comes at 00:30 and at 01:30 UTC.
    assert due("cron(30 2 * * ? *)", "Europe/Paris", "2026-10-25T00:29:00", "2026-10-25T00:31:00") is not None
    assert due("cron(30 2 * * ? *)", "Europe/Paris", "2026-10-25T01:29:00", "2026-10-25T01:31:00") is None


def test_a_rate_counts_from_its_start() -> None:
    start = "2026-01-01T00:00:20"
    assert due("rate(5 minutes)", "UTC", "2026-01-01T00:00:19", "2026-01-01T00:00:20", start) == start
    assert due("rate(5 minutes)", "UTC", "2026-01-01T00:00:20", "2026-01-01T00:05:19", start) is None
    assert due("rate(5 minutes)", "UTC", "2026-01-01T00:05:19", "2026-01-01T00:05:20", start) == "2026-01-01T00:05:20"
    assert due("rate(1 day)", "UTC", "2026-01-08T00:00:00", "2026-01-08T00:01:00", start) == "2026-01-08T00:00:20"
    assert due("rate(1 day)", "UTC", "2025-12-31T00:00:00", "2026-01-01T00:00:00", start) is None


@pytest.mark.parametrize(
    "text", ["rate(0 minutes)", "rate(1 week)", "at(tomorrow)", "every day", "at(2026-02-30T00:00:00)"]
)
def test_a_schedule_with_another_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        schedules_expressions.read(text)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        schedules_expressions.read("rate(1 day)", "Mars/Olympus")


@pytest.mark.parametrize("text", ["rate(1 minutes)", "rate(2 minute)", "at(2026-01-01T00:00:00)"])
def test_a_rule_takes_fewer_expressions(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        schedules_expressions.read_of_rule(text)
    schedules_expressions.read_of_rule("rate(1 minute)")
