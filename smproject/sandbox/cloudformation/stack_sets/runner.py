"""Running an operation: region after region, several accounts at a time, until too many have failed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html#stackset-ops-options
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation.stack_sets.deployment import Deployment
from smproject.sandbox.cloudformation.stack_sets.records import Operation, Place, Result, StackSet
from smproject.sandbox.service import ServiceError, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_CANCELLED = "Cancelled since failure tolerance has exceeded"


class Runner:
    """One operation under way."""

    def __init__(self, world: World, stack_set: StackSet, operation: Operation) -> None:
        self.set, self.operation = stack_set, operation
        self.deployment = Deployment(world, stack_set, operation)
        self.too_many = False

    def run(self) -> None:
        """Perform the operation; whatever happens is told in its results."""
        regions = self._regions()
        if self.operation.preferences.get("RegionConcurrencyType") == "PARALLEL":
            with ThreadPoolExecutor(len(regions) or 1) as pool:
                list(pool.map(self._run_region, regions))
        else:
            for region in regions:
                self._run_region(region)
        self._cancel_rest()
        self._end()

    def _end(self) -> None:
        failed = sum(result.status == "FAILED" for result in self.operation.results.values())
        reason = f"{failed} of {len(self.operation.results)} stack instances failed" if failed else ""
        if self.operation.status == "STOPPING":
            self.operation.end("STOPPED", reason)
        else:
            self.operation.end("FAILED" if self.too_many else "SUCCEEDED", reason)

    def _regions(self) -> list[str]:
        found = list(dict.fromkeys(region for _, region in self.operation.results))
        order = self.operation.preferences.get("RegionOrder") or []
        return [*(region for region in order if region in found), *(region for region in found if region not in order)]

    def _run_region(self, region: str) -> None:
        """Run in a region with its own count of failures."""
        places = [place for place in self.operation.results if place[1] == region]
        tolerated = _count(self.operation.preferences, "FailureTolerance", len(places))
        at_once = max(1, _count(self.operation.preferences, "MaxConcurrent", len(places)))
        if self.operation.preferences.get("ConcurrencyMode") != "SOFT_FAILURE_TOLERANCE":
            at_once = min(at_once, tolerated + 1)
        failures: list[Place] = []

        def run_one(place: Place) -> None:
            if not self.too_many and self.operation.status != "STOPPING" and not self._run(place):
                failures.append(place)
                self.too_many |= len(failures) > tolerated

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(run_one, places))

    def _run(self, place: Place) -> bool:
        """Perform the operation for one instance; tell whether that went well."""
        instance, result = self.set.instances[place], self.operation.results[place]
        instance.detailed = result.status = "RUNNING"
        reason = ""
        try:
            self.deployment.perform(instance)
        except (ServiceError, ClientError) as error:
            reason = told(error)[1]
        except (BotoCoreError, OSError) as error:
            LOG.exception("%s of %s in %s failed", self.operation.action, self.set.name, place)
            reason = str(error)
        self._settle(result, place, reason)
        return not reason

    def _settle(self, result: Result, place: Place, reason: str) -> None:
        instance, action = self.set.instances[place], self.operation.action
        instance.detailed, instance.reason = "FAILED" if reason else "SUCCEEDED", reason
        if action == "DELETE":
            if reason:
                instance.status = "INOPERABLE"
            else:
                del self.set.instances[place]
        elif action != "DETECT_DRIFT":
            instance.status = "OUTDATED" if reason else "CURRENT"
        result.reason, result.status = reason, "FAILED" if reason else "SUCCEEDED"

    def _cancel_rest(self) -> None:
        reason = _CANCELLED if self.too_many else "Cancelled since the operation was stopped"
        for place, result in self.operation.results.items():
            if result.status == "PENDING":
                instance = self.set.instances[place]
                instance.detailed, instance.reason = "CANCELLED", reason
                result.status, result.reason = "CANCELLED", reason


def _count(preferences: dict[str, int], what: str, places: int) -> int:
    """Return a preference given as a count or as a percentage, which is rounded down."""
    if f"{what}Percentage" in preferences:
        return places * int(preferences[f"{what}Percentage"]) // 100
    return int(preferences.get(f"{what}Count", 0))
