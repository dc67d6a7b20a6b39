"""Turns a build's test results into reports, at its end, whether it succeeded or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.codebuild import junit
from smproject.sandbox.codebuild.artifacts import Files
from smproject.sandbox.codebuild.buildspec import ArtifactFiles
from smproject.sandbox.codebuild.failure import PhaseFailure
from smproject.sandbox.codebuild.reports import Reports


@dataclass(frozen=True)
class Publisher:
    """What publishing needs: CodeBuild with the role's credentials, where reports are kept, and the build's files.

    The role needs codebuild:CreateReportGroup, CreateReport, UpdateReport and BatchPutTestCases on
    `report-group/<project>-*`. Only the first is an API operation, and the only one that is called here.
    """

    codebuild: Any
    reports: Reports
    build: dict[str, Any]
    collect: Callable[[ArtifactFiles], Files]
    note: Callable[[str], None]

    def publish(self, wanted: dict[str, ArtifactFiles]) -> list[str]:
        """Make a report of each group's files; return the reports' ARNs. Raises PhaseFailure for the first bad one."""
        return [self._publish(name, files) for name, files in wanted.items()]

    def _publish(self, name: str, files: ArtifactFiles) -> str:
        self.note(f"Preparing to copy TEST report {name}")
        try:
            found = self.collect(files)
        except PhaseFailure as error:
            raise _failed(name, "report files not found in build") from error
        cases: list[dict[str, Any]] = []
        for path, file in found.items():
            try:
                cases += [{**case, "testRawDataPath": path} for case in junit.cases(file)]
            except ValueError as error:
                raise _failed(name, f"{path} is no JUnit XML: {error}") from error
        return self.reports.add(self._group(f"{self.build['projectName']}-{name}"), self.build["arn"], cases)

    def _group(self, name: str) -> str:
        """Return the ARN of a report group, created when it is missing."""
        settings = {"type": "TEST", "exportConfig": {"exportConfigType": "NO_EXPORT"}}
        try:
            return str(self.codebuild.create_report_group(name=name, **settings)["reportGroup"]["arn"])
        except self.codebuild.exceptions.ResourceAlreadyExistsException:
            return f"{self.build['arn'].partition(':build/')[0]}:report-group/{name}"


def _failed(name: str, why: str) -> PhaseFailure:
    return PhaseFailure("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: [{name}: [{why}]]")
