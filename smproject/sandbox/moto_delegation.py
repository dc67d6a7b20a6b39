"""The seam to moto's Organizations: which services may have delegated administrators."""

from __future__ import annotations

from moto.organizations.models import FakeDelegatedAdministrator


def support_delegation(principal: str) -> None:
    """Let accounts be registered as delegated administrators of a service that moto's list lacks.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    """
    if principal not in FakeDelegatedAdministrator.SUPPORTED_SERVICES:
        FakeDelegatedAdministrator.SUPPORTED_SERVICES.append(principal)
