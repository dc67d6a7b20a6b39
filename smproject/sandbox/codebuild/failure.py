"""Why a phase of a build did not succeed."""

from __future__ import annotations

from botocore.exceptions import ClientError


class PhaseFailure(Exception):
    """A phase ends with a status other than SUCCEEDED; code and message go into its context."""

    def __init__(self, code: str, message: str, status: str = "FAILED") -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def refused(error: ClientError, about: str) -> PhaseFailure:
    """Return the failure of a call that AWS refused."""
    answer = error.response["Error"]
    code = "ACCESS_DENIED" if answer["Code"].startswith("AccessDenied") else "CLIENT_ERROR"
    return PhaseFailure(code, f"{answer['Code']}: {answer['Message']} for {about}")
