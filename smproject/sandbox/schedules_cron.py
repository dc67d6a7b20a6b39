"""Cron expressions as EventBridge writes them: six fields, with a year, `?`, `L`, `W` and `#`.

No library reads these: Unix's cron has five fields, counts weekdays from 0 and joins the two kinds of days by "or".
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
OnDay = Callable[[date], bool]


@dataclass(frozen=True)
class Field:
    """A field: what it is called, its bounds, and the names that stand for numbers in it."""

    name: str
    least: int
    most: int
    names: Mapping[str, int]

    def number(self, text: str) -> int:
        """Read one value; raises ValueError."""
        found = self.names.get(text.upper())
        if found is None and text.isascii() and text.isdigit():
            found = int(text)
        if found is None or not self.least <= found <= self.most:
            raise ValueError(f"the {self.name} {text!r} is not one from {self.least} to {self.most}")
        return found

    def numbers(self, text: str) -> frozenset[int]:
        """Read lists, ranges, steps and `*`; raises ValueError."""
        return frozenset().union(*(self._part(part) for part in text.split(",")))

    def _part(self, text: str) -> list[int]:
        span, slash, step = text.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = self.least, self.most
        else:
            start = self.number(first)
            end = self.number(last) if dash else self.most if slash else start
        if end < start and self is YEARS:
            raise ValueError(f"the {self.name} {text!r} goes backwards")
        if slash and not (step.isascii() and step.isdigit() and int(step)):
            raise ValueError(f"the {self.name} {text!r} has no step of 1 or more")
        # `20-2` hours are those from 20 over midnight to 2.
        passed = range(start, end + 1) if start <= end else [*range(start, self.most + 1), *range(self.least, end + 1)]
        return list(passed)[:: int(step) if slash else 1]


MINUTES, HOURS = Field("minute", 0, 59, {}), Field("hour", 0, 23, {})
MONTHS, YEARS = Field("month", 1, 12, _MONTHS), Field("year", 1970, 2199, {})
DAYS, WEEKDAYS = Field("day of the month", 1, 31, {}), Field("day of the week", 1, 7, _DAYS)


@dataclass(frozen=True)
class Cron:
    """An expression, as a question to each minute of a clock on the wall."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    on_day: OnDay

    def holds(self, moment: datetime) -> bool:
        """Tell whether a minute is one of the expression's."""
        return moment.minute in self.minutes and moment.hour in self.hours and self.holds_on(moment.date())

    def holds_on(self, day: date) -> bool:
        """Tell whether a day is one of the expression's."""
        return day.year in self.years and day.month in self.months and self.on_day(day)


def read(text: str) -> Cron:
    """Read what stands between the brackets of `cron(...)`; raises ValueError telling what is wrong."""
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(f"it has {len(fields)} fields; six are needed: minutes hours day month weekday year")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError("one of the two fields for days must be ?, and not the other")
    on_day = _on_weekday(weekday) if day == "?" else _on_day(day)
    return Cron(MINUTES.numbers(minutes), HOURS.numbers(hours), MONTHS.numbers(month), YEARS.numbers(year), on_day)


def _on_day(text: str) -> OnDay:
    """Read the field of days of the month."""
    if text == "L":
        return lambda day: day.day == _last(day)
    if text.endswith("W"):
        wanted = DAYS.number(text[:-1])
        return lambda day: day.day == _nearest_weekday(day, wanted)
    numbers = DAYS.numbers(text)
    return lambda day: day.day in numbers


def _on_weekday(text: str) -> OnDay:
    """Read the field of days of the week, of which Sunday is the first."""
    if text == "L":
        return lambda day: _weekday(day) == WEEKDAYS.most
    if text.endswith("L"):
        last = WEEKDAYS.number(text[:-1])
        return lambda day: _weekday(day) == last and day.day + 7 > _last(day)
    if "#" in text:
        name, _, count = text.partition("#")
        nth, which = WEEKDAYS.number(name), Field("week of the month", 1, 5, {}).number(count)
        return lambda day: _weekday(day) == nth and (day.day - 1) // 7 + 1 == which
    numbers = WEEKDAYS.numbers(text)
    return lambda day: _weekday(day) in numbers


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> int:
    """Return the Monday-to-Friday nearest to a day of its month, within that month; 0 when it has no such day."""
    last = _last(day)
    if wanted > last:
        return 0
    if (weekday := day.replace(day=wanted).isoweekday()) == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    return (wanted + 1 if wanted < last else wanted - 2) if weekday == 7 else wanted
