"""The sandbox's world: its accounts, its home on disk, its services, and clients that act on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import Loader

from smproject.sandbox import moto_seam
from smproject.sandbox.calllog import CallLog
from smproject.sandbox.container_credentials import ContainerCredentials
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import trust
from smproject.sandbox.processes import Processes
from smproject.sandbox.service import Service

SERVICE_ROLE = "AWSServiceRoleForSandbox"  # stands for AWS's own services where they act without a customer's role
_LOADER = Loader(include_default_search_paths=True)
_CLIENTS = 256  # kept; each role session makes new ones
# What begins so only reads; where it does more, the next look at everything finds it.
_READING = ("BatchGet", "Describe", "GET ", "Get", "HEAD ", "Head", "InvokeEndpoint", "List", "Search")
_CONFIG = Config(retries={"max_attempts": 1}, read_timeout=120, max_pool_connections=32)


@dataclass
class World:
    """One running sandbox: `home` holds its files, `endpoint` is its address, `services` are ours by signing name."""

    home: Path
    endpoint: str
    region: str
    services: dict[str, Service] = field(default_factory=dict)
    processes: Processes = field(default_factory=Processes)
    containers: ContainerCredentials = field(default_factory=ContainerCredentials)
    changed: threading.Event = field(default_factory=threading.Event)  # set where there is something to write
    _called: set[str] = field(default_factory=set)
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _sessions: dict[tuple[str, str], Credentials] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def log(self) -> CallLog:
        """Every call, and what it used."""
        return CallLog(self.home / "calls.jsonl")

    def client(self, service: str, credentials: Credentials, region: str | None = None) -> Any:
        """Return a boto3 client that calls this sandbox with the given credentials."""
        key = (service, credentials.access_key, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(service, credentials, region or self.region)
            if len(self._clients) > _CLIENTS:
                del self._clients[next(iter(self._clients))]
            return self._clients[key]

    def _new_client(self, service: str, credentials: Credentials, region: str) -> Any:
        session = boto3.Session(credentials.access_key, credentials.secret_key, credentials.token or None, region)
        session._session.register_component("data_loader", _LOADER)  # loading each model once makes clients cheap
        return session.client(service, endpoint_url=self.endpoint, config=_CONFIG)

    def assume(self, role_arn: str, service: str, session_name: str, source_arn: str = "") -> Credentials:
        """Return credentials of a role for a service such as `codebuild.amazonaws.com`, if the role trusts it.

        `source_arn` is the resource for which the service acts. Raises ServiceError (AccessDeniedException) naming the
        role when it is missing or its trust policy does not allow the service, or not for that resource.
        """
        trust.demand_for_service(role_arn, service, source_arn)
        return self._session(role_arn, session_name[:64])

    def service_credentials(self, account: str) -> Credentials:
        """Return credentials of AWS itself in an account, for what services do without a customer's role."""
        return self._session(f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE_ROLE}", "aws")

    def _session(self, role_arn: str, name: str) -> Credentials:
        """Return a role session's credentials, the same ones for the same name: each new pair costs new clients."""
        with self._lock:
            if (role_arn, name) not in self._sessions:
                made = moto_seam.session_credentials(role_arn, name, self.region)
                for service in ("iam", "sts"):  # moto keeps the new key there, and no call has told so
                    self.touched(service, made.account, "AssumeRole")
                self._sessions[role_arn, name] = made
            return self._sessions[role_arn, name]

    def touched(self, service: str, account: str, operation: str) -> None:
        """Note that a call may have changed what a service keeps for an account."""
        if not operation.startswith(_READING):
            self._called.add(service)
            self.changed.set()

    def take_called(self) -> set[str]:
        """Return the services that were called since the last time."""
        called = set()
        while self._called:  # one by one: other threads add meanwhile
            called.add(self._called.pop())
        return called

    def state(self) -> dict[str, Any]:
        """Return what is to be kept of the world itself, beside its services."""
        return {"sessions": self._sessions}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what was kept."""
        self._sessions = state["sessions"]

    def background(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Run work in a daemon thread; it is expected to record its own failures."""

        def run() -> None:
            try:
                work()
            finally:
                self.changed.set()

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread
