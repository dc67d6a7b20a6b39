"""The clock that EventBridge's rules with a schedule, and Scheduler's schedules, are invoked by; moto keeps both.

It looks twice a second. What would have been due while the sandbox was down is not made up for, and a rule's rate
counts from when the sandbox first sees it.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from smproject.sandbox import moto_schedules, schedules_expressions, schedules_targets
from smproject.sandbox.events import events_of
from smproject.sandbox.moto_schedules import Kept
from smproject.sandbox.schedules_expressions import At, Span
from smproject.sandbox.schedules_targets import Occasion
from smproject.sandbox.service import now
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_LONGEST = timedelta(minutes=1)  # looked back over: a machine that slept misses what was due


def watch(world: World) -> None:
    """Invoke what is due from now on."""
    moto_schedules.check(_check_schedule, _check_rule)
    world.background("schedules", Watch(world).run)


class Watch:
    """The clock; `rules` holds since when it has seen each rule with its expression."""

    def __init__(self, world: World) -> None:
        self.world, self.last = world, now()
        self.rules: dict[tuple[str, str], datetime] = {}

    def run(self) -> None:
        """Look twice a second, for ever."""
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                self.look(now())
            except Exception:  # one schedule's trouble must not end this for all
                LOG.exception("schedules were not looked at")

    def look(self, moment: datetime) -> None:
        """Invoke what has become due since the last look."""
        span = Span(max(self.last, moment - _LONGEST), moment)
        self.last = moment
        for kept in moto_schedules.schedules():
            self._schedule(kept, span)
        rules = moto_schedules.scheduled_rules()
        seen = {(rule.arn, str(rule.facts["ScheduleExpression"])): rule for rule in rules}
        self.rules = {key: self.rules.get(key, moment) for key in seen}
        for key, rule in seen.items():
            self._rule(rule, span, self.rules[key])

    def _schedule(self, kept: Kept, span: Span) -> None:
        facts = kept.facts
        if facts["State"] != "ENABLED":
            return
        expression = schedules_expressions.read(facts["ScheduleExpression"], facts["ScheduleExpressionTimezone"])
        begin, end = moto_schedules.moment(facts["StartDate"]), moto_schedules.moment(facts["EndDate"])
        created = moto_schedules.moment(facts["CreationDate"])
        due = expression.due(span, begin or created or span.until)
        once = isinstance(expression, At)  # has no other dates
        if due and (once or ((begin is None or due >= begin) and (end is None or due < end))):
            self.world.background(f"schedule {facts['Name']}", lambda: self._invoke(Occasion(self.world, kept, due)))
        if facts["ActionAfterCompletion"] == "DELETE" and ((once and due) or (not once and end and end <= span.until)):
            self._delete(kept)

    def _invoke(self, occasion: Occasion) -> None:
        schedules_targets.invoke(occasion)

    def _delete(self, kept: Kept) -> None:
        scheduler = self.world.client("scheduler", self.world.service_credentials(kept.account), kept.region)
        scheduler.delete_schedule(Name=kept.facts["Name"], GroupName=kept.facts["GroupName"])

    def _rule(self, rule: Kept, span: Span, since: datetime) -> None:
        if rule.facts["State"] != "ENABLED":
            return
        expression = schedules_expressions.read_of_rule(rule.facts["ScheduleExpression"])
        due = expression.due(span, since)
        if due and due != since:  # a rule's rate begins with a wait
            events_of(self.world).run_rule(rule, due)


def _check_schedule(told: dict[str, Any]) -> None:
    """Raise ValueError, in AWS's words where they are known, for a schedule that can't be."""
    text, zone = told.get("schedule_expression") or "", told.get("schedule_expression_timezone") or "UTC"
    try:
        schedules_expressions.read(text, zone)
    except ValueError as error:
        raise ValueError(f"Invalid Schedule Expression {text}: {error}.") from error
    window = told.get("flexible_time_window") or {}
    if (window.get("Mode") == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise ValueError(
            "MaximumWindowInMinutes is to be given where the mode of the window is FLEXIBLE, and only there."
        )
    schedules_targets.refuse(told["target"])


def _check_rule(told: dict[str, Any]) -> None:
    """Raise ValueError for a rule's expression that can't be."""
    if text := told.get("scheduled_expression"):
        schedules_expressions.read_of_rule(text)
