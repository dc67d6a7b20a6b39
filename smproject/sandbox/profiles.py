"""The sandbox's people, as sessions of boto3 that do not read the user's own AWS settings."""

from __future__ import annotations

import boto3
import botocore.session

from smproject.sandbox.lifecycle import Running


def session(running: Running, profile: str) -> boto3.Session:
    """Open a session that acts as a profile of a running sandbox; its configuration names the endpoint."""
    core = botocore.session.Session(profile=profile)
    core.set_config_variable("config_file", str(running.home / "config"))
    core.set_config_variable("credentials_file", str(running.home / "credentials"))
    return boto3.Session(botocore_session=core, region_name=running.region)
