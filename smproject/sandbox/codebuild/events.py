"""The events that CodeBuild sends to EventBridge.

Reference: https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from smproject.sandbox.world import World


def state_changed(world: World, build: dict[str, Any]) -> None:
    """Tell that a build has started or ended."""
    phase = build["phases"][-1] if build["phases"] else {}
    detail = {
        "build-status": build["buildStatus"],
        "current-phase": build["currentPhase"],
        "current-phase-context": _context(phase),
    }
    _emit(world, build, "CodeBuild Build State Change", detail)


def phase_changed(world: World, build: dict[str, Any], phase: dict[str, Any]) -> None:
    """Tell that a phase has ended."""
    detail = {
        "completed-phase": phase["phaseType"],
        "completed-phase-status": phase["phaseStatus"],
        "completed-phase-context": _context(phase),
        "completed-phase-duration-seconds": phase["durationInSeconds"],
        "completed-phase-start": _time(phase["startTime"]),
        "completed-phase-end": _time(phase["endTime"]),
    }
    _emit(world, build, "CodeBuild Build Phase Change", detail)


def _emit(world: World, build: dict[str, Any], kind: str, detail: dict[str, Any]) -> None:
    if "events" not in world.services:
        return
    _, _, _, region, account, _ = build["arn"].split(":", 5)
    common = {
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "version": "1",
        "additional-information": _information(build),
    }
    emit = world.services["events"].emit  # type: ignore[attr-defined]
    emit(account, region, "aws.codebuild", kind, {**detail, **common}, resources=(build["arn"],))


def _information(build: dict[str, Any]) -> dict[str, Any]:
    environment = build["environment"]
    found = {
        "build-complete": build["buildComplete"],
        "build-number": float(build["buildNumber"]),
        "build-start-time": _time(build["startTime"]),
        "initiator": build["initiator"],
        "timeout-in-minutes": float(build["timeoutInMinutes"]),
        "artifact": {"location": build["artifacts"].get("location", "")},
        "environment": {
            "image": environment["image"],
            "type": environment["type"],
            "compute-type": environment["computeType"],
            "privileged-mode": environment.get("privilegedMode", False),
            "environment-variables": environment["environmentVariables"],
        },
        "source": {"type": build["source"]["type"], "location": build["source"].get("location", "")},
        "logs": {"group-name": build["logs"].get("groupName"), "stream-name": build["logs"].get("streamName")},
        "phases": [_phase(phase) for phase in build["phases"]],
    }
    return found | ({"build-end-time": _time(build["endTime"])} if "endTime" in build else {})


def _phase(phase: dict[str, Any]) -> dict[str, Any]:
    found = {"phase-type": phase["phaseType"], "start-time": _time(phase["startTime"])}
    if "endTime" in phase:
        found |= {
            "phase-status": phase["phaseStatus"],
            "phase-context": [_context(phase)],
            "duration-in-seconds": phase["durationInSeconds"],
            "end-time": _time(phase["endTime"]),
        }
    return found


def _context(phase: dict[str, Any]) -> str:
    return ", ".join(f"{c['statusCode']}: {c['message']}" for c in phase.get("contexts", [])) or ": "


def _time(moment: datetime) -> str:
    return moment.strftime("%b %-d, %Y %-I:%M:%S %p")
