"""When a schedule is due: `rate(...)`, `cron(...)` and `at(...)`, in a time zone.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smproject.sandbox import schedules_cron
from smproject.sandbox.schedules_cron import Cron

_RATE = re.compile(r"rate\((\d+) +(minute|hour|day)(s?)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.*)\)")
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """A stretch of time that the clock has just passed: after `after`, up to and with `until`."""

    after: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it."""
        return self.after < moment <= self.until


@dataclass(frozen=True)
class Rate:
    """A time between two occasions; the first is at the start."""

    period: timedelta

    def due(self, span: Span, start: datetime) -> datetime | None:
        """Return the last occasion in a span; None when there is none."""
        if span.until < start:
            return None
        moment = start + (span.until - start) // self.period * self.period
        return moment if span.holds(moment) else None


@dataclass(frozen=True)
class At:
    """One moment."""

    moment: datetime

    def due(self, span: Span, start: datetime) -> datetime | None:
        """Return the moment when it lies in a span."""
        return self.moment if span.holds(self.moment) else None


@dataclass(frozen=True)
class Clock:
    """Minutes of a clock on the wall of a time zone."""

    cron: Cron
    zone: ZoneInfo

    def due(self, span: Span, start: datetime) -> datetime | None:
        """Return the last occasion in a span; a time that a clock shows twice counts once, one it skips not at all."""
        moment = span.until.replace(second=0, microsecond=0)
        while span.holds(moment):
            shown = moment.astimezone(self.zone)
            if shown.fold == 0 and self.cron.holds(shown):
                return moment
            moment -= _MINUTE
        return None


Expression = Rate | At | Clock


def read(text: str, zone: str = "UTC") -> Expression:
    """Read an expression; raises ValueError telling what is wrong."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {zone!r}") from error
    if found := _RATE.fullmatch(text):
        return Rate(_period(int(found[1]), found[2]))
    if found := _AT.fullmatch(text):
        return At(datetime.fromisoformat(found[1]).replace(tzinfo=place).astimezone(timezone.utc))
    if found := _CRON.fullmatch(text):
        return Clock(schedules_cron.read(found[1]), place)
    raise ValueError("it is neither rate(...), cron(...) nor at(yyyy-mm-ddThh:mm:ss)")


def read_of_rule(text: str) -> Expression:
    """Read an expression of a rule, which knows no moments, and wants `1 minute` but `2 minutes`; raises ValueError.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
    """
    rate = _RATE.fullmatch(text)
    if (rate and (int(rate[1]) == 1) == bool(rate[3])) or _AT.fullmatch(text):
        raise ValueError("it is neither cron(...) nor rate(1 minute), rate(2 minutes) and the like")
    return read(text)


def _period(count: int, unit: str) -> timedelta:
    if count < 1:
        raise ValueError("a rate must be 1 or more")
    return timedelta(**{f"{unit}s": count})
