"""Test reports: what builds read out of their JUnit files, kept by report group.

Sources: docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html and test-permissions.html
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, now, page

_KEPT = timedelta(days=30)
Found = dict[str, Any]


class Reports:
    """Report groups and their reports; each operation is a method."""

    def __init__(self) -> None:
        self._groups: dict[str, Found] = {}
        self._reports: dict[str, Found] = {}  # oldest first
        self._cases: dict[str, list[Found]] = {}  # by report

    def create_report_group(self, caller: Caller, request: Request) -> Request:
        """Create a group of test reports."""
        arn = caller.arn_of("codebuild", f"report-group/{request['name']}")
        if arn in self._groups:
            raise ServiceError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")
        _check(request["type"], request["exportConfig"])
        moment = now()
        facts = {"arn": arn, "status": "ACTIVE", "created": moment, "lastModified": moment, "tags": []}
        self._groups[arn] = {**facts, **request}
        return {"reportGroup": self._groups[arn]}

    def update_report_group(self, caller: Caller, request: Request) -> Request:
        """Change a group's tags; the sandbox exports no reports, so there is nothing else."""
        group = self._group(caller, request["arn"])
        _check(group["type"], request.get("exportConfig", {}))
        group.update({key: request[key] for key in ("exportConfig", "tags") if key in request}, lastModified=now())
        return {"reportGroup": group}

    def delete_report_group(self, caller: Caller, request: Request) -> None:
        """Delete a group, with its reports if asked; without asking, one that has reports stays."""
        group, arn = self._group(caller, request["arn"]), request["arn"]
        reports = [key for key, report in self._reports.items() if report["reportGroupArn"] == group["arn"]]
        if reports and not request.get("deleteReports"):
            message = f"Report group {arn} still has reports: delete them, or set deleteReports."
            raise ServiceError("InvalidInputException", message)
        for key in reports:
            del self._reports[key], self._cases[key]
        del self._groups[arn]

    def delete_report(self, caller: Caller, request: Request) -> None:
        """Delete a report; one that does not exist is no error."""
        arn = request["arn"]
        if arn in self._reports and caller.owns(arn):
            del self._reports[arn], self._cases[arn]

    def batch_get_report_groups(self, caller: Caller, request: Request) -> Request:
        """Describe report groups."""
        found, missing = self._split(caller, self._groups, request["reportGroupArns"])
        return {"reportGroups": found, "reportGroupsNotFound": missing}

    def list_report_groups(self, caller: Caller, request: Request) -> Request:
        """List the ARNs of an account's report groups, by name."""
        mine = sorted(arn for arn in self._groups if arn.startswith(caller.arn_of("codebuild", "report-group/")))
        return page(mine, request, "reportGroups", "maxResults", "nextToken")

    def list_reports_for_report_group(self, caller: Caller, request: Request) -> Request:
        """List the ARNs of a group's reports, the newest first unless asked otherwise."""
        group, wanted = request["reportGroupArn"], request.get("filter", {}).get("status")
        self._group(caller, group)
        found = [
            arn
            for arn, report in self._reports.items()
            if report["reportGroupArn"] == group and wanted in (None, report["status"])
        ]
        ordered = found if request.get("sortOrder") == "ASCENDING" else found[::-1]
        return page(ordered, request, "reports", "maxResults", "nextToken")

    def batch_get_reports(self, caller: Caller, request: Request) -> Request:
        """Describe reports."""
        found, missing = self._split(caller, self._reports, request["reportArns"])
        return {"reports": found, "reportsNotFound": missing}

    def describe_test_cases(self, caller: Caller, request: Request) -> Request:
        """List the test cases of a report."""
        arn, chosen = request["reportArn"], request.get("filter", {})
        if arn not in self._cases or not caller.owns(arn):
            raise ServiceError("ResourceNotFoundException", f"Report not found: {arn}")
        found = [
            case
            for case in self._cases[arn]
            if chosen.get("status") in (None, case["status"]) and chosen.get("keyword", "") in case["name"]
        ]
        return page(found, request, "testCases", "maxResults", "nextToken")

    def add(self, group: str, build: str, cases: list[Found]) -> str:
        """Keep the results of a build's tests as a new report of a group; return its ARN."""
        arn = f"{group.replace(':report-group/', ':report/')}:{uuid.uuid4()}"
        moment = now()
        counts = Counter(case["status"] for case in cases)
        summary = {
            "total": len(cases),
            "statusCounts": dict(counts),
            "durationInNanoSeconds": sum(case["durationInNanoSeconds"] for case in cases),
        }
        self._cases[arn] = [{**case, "reportArn": arn, "expired": moment + _KEPT} for case in cases]
        self._reports[arn] = _report(arn, group, build, moment) | {
            "status": "FAILED" if counts["FAILED"] or counts["ERROR"] else "SUCCEEDED",
            "testSummary": summary,
        }
        return arn

    def _group(self, caller: Caller, arn: str) -> Found:
        if arn not in self._groups or not caller.owns(arn):
            raise ServiceError("ResourceNotFoundException", f"Report group not found: {arn}")
        return self._groups[arn]

    @staticmethod
    def _split(caller: Caller, items: dict[str, Found], arns: list[str]) -> tuple[list[Found], list[str]]:
        mine = [arn for arn in arns if arn in items and caller.owns(arn)]
        return [items[arn] for arn in mine], [arn for arn in arns if arn not in mine]


def _check(kind: str, export: Request) -> None:
    """Refuse what the sandbox would have to leave out."""
    if kind != "TEST" or export.get("exportConfigType", "NO_EXPORT") != "NO_EXPORT":
        message = "The sandbox implements report groups of type TEST with exportConfigType NO_EXPORT."
        raise ServiceError("InvalidInputException", message)


def _report(arn: str, group: str, build: str, moment: datetime) -> Found:
    return {
        "arn": arn,
        "type": "TEST",
        "name": group.partition("/")[2],
        "reportGroupArn": group,
        "executionId": build,
        "created": moment,
        "expired": moment + _KEPT,
        "exportConfig": {"exportConfigType": "NO_EXPORT"},
        "truncated": False,
    }
