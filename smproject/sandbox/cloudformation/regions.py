"""The names of AWS's Regions."""

from __future__ import annotations

from functools import lru_cache

import boto3


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Return the Regions that have CloudFormation."""
    return frozenset(boto3.Session().get_available_regions("cloudformation"))
