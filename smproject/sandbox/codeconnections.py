"""CodeConnections: connections to git hosts, and companies' own hosts. A person completes them; till then, PENDING."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.git_hosted import Hosted
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import gate
from smproject.sandbox.service import Caller, Request, Service, ServiceError, page
from smproject.sandbox.workflows import runs
from smproject.sandbox.world import World

# Providers at addresses that everybody knows; the others are reached by hosts.
_HOSTED = ("AzureDevOps", "Bitbucket", "GitHub", "GitLab")


@dataclass
class Host:
    """The address of a provider that a company runs itself."""

    arn: str
    account: str
    name: str
    provider: str
    endpoint: str
    status: str = "PENDING"

    def describe(self) -> dict[str, Any]:
        """Return what GetHost tells."""
        return {
            "Name": self.name,
            "Status": self.status,
            "ProviderType": self.provider,
            "ProviderEndpoint": self.endpoint,
        }


@dataclass
class Connection:
    """A connection, its tags, and the account that owns it."""

    arn: str
    account: str
    name: str
    provider: str
    host: Host | None = None
    status: str = "PENDING"
    tags: dict[str, str] = field(default_factory=dict)

    def complete(self) -> None:
        """Do what the owner of the repositories does."""
        self.status = "AVAILABLE"
        if self.host:
            self.host.status = "AVAILABLE"

    def describe(self) -> dict[str, Any]:
        """Return the Connection."""
        return {
            "ConnectionName": self.name,
            "ConnectionArn": self.arn,
            "ProviderType": self.provider,
            "OwnerAccountId": self.account,
            "ConnectionStatus": self.status,
            **({"HostArn": self.host.arn} if self.host else {}),
        }


class CodeConnections(Service):
    """The connections of all accounts, by ARN; both of the service's names answer for all of them."""

    name = "codeconnections"
    unsupported = frozenset({"HostArnFilter", "VpcConfiguration"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.connections: dict[str, Connection] = {}
        self.hosts: dict[str, Host] = {}
        self.hosted: dict[str, Hosted] = {}  # repositories of the git host, by their full names

    def resume(self) -> None:
        """End the runs of workflows that a stop of the sandbox has cut off."""
        for repository in self.hosted.values():
            for run in repository.runs:
                runs.interrupt(run)

    def create_connection(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a connection, which waits for its handshake."""
        host = self._host(caller, request["HostArn"]) if "HostArn" in request else None
        if host is None and request.get("ProviderType") not in _HOSTED:
            message = f"Give ProviderType, one of {', '.join(_HOSTED)}, or the HostArn of a host of your own."
            raise ServiceError("ValidationException", message)
        arn = caller.arn_of(self.name, f"connection/{uuid.uuid4()}")
        provider = host.provider if host else request["ProviderType"]
        made = Connection(arn, caller.account, request["ConnectionName"], provider, host)
        made.tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        self._all[arn] = made
        return {"ConnectionArn": arn, "Tags": request.get("Tags", [])}

    def get_connection(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a connection."""
        return {"Connection": self._find(caller, request["ConnectionArn"]).describe()}

    def list_connections(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's connections in the region, of one provider if asked."""
        provider = request.get("ProviderTypeFilter")
        found = [
            made.describe()
            for made in self._all.values()
            if made.account == caller.account
            and made.arn.split(":")[3] == caller.region
            and provider in (None, made.provider)
        ]
        return page(found, request, "Connections")

    def delete_connection(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a connection."""
        del self._all[self._find(caller, request["ConnectionArn"]).arn]
        return {}

    def create_host(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a host, which is set up with the first connection to it."""
        arn = caller.arn_of(self.name, f"host/{request['Name']}-{uuid.uuid4().hex[:8]}")
        made = Host(arn, caller.account, request["Name"], request["ProviderType"], request["ProviderEndpoint"])
        self._hosts[arn] = made
        return {"HostArn": arn, "Tags": request.get("Tags", [])}

    def get_host(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a host."""
        return self._host(caller, request["HostArn"]).describe()

    def list_hosts(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's hosts in the region."""
        found = [
            {"HostArn": each.arn, **each.describe()}
            for each in self._hosts.values()
            if each.account == caller.account and each.arn.split(":")[3] == caller.region
        ]
        return page(found, request, "Hosts")

    def delete_host(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a host that no connection uses."""
        host = self._host(caller, request["HostArn"])
        if any(each.host is host for each in self._all.values()):
            raise ServiceError("ResourceUnavailableException", f"Host {host.arn} has connections. Delete them first.")
        del self._hosts[host.arn]
        return {}

    def tag_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add tags, or change their values."""
        tags = self._find(caller, request["ResourceArn"]).tags
        tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        return {}

    def untag_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Remove tags by key."""
        tags = self._find(caller, request["ResourceArn"]).tags
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a connection's tags."""
        tags = self._find(caller, request["ResourceArn"]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def use(self, credentials: Credentials, arn: str, full_name: str, act: str) -> Hosted:
        """Return a repository that a role may reach by a connection; raises ServiceError for what stands against it.

        `act` is what is done there, such as GitPull: condition keys tell it, and whether it only reads.
        https://docs.aws.amazon.com/dtconsole/latest/userguide/security_iam_id-based-policy-examples-connections.html
        """
        service, needs = arn.split(":")[2], "read_write" if act == "GitPush" else "read_only"
        told = {"FullRepositoryId": full_name, "ProviderAction": act, "ProviderPermissionsRequired": needs}
        asked = {f"{service}:{key}": value for key, value in told.items()}
        if gate.use(self.world, credentials, f"{service}:UseConnection", arn, asked):
            raise ServiceError(
                "AccessDeniedException",
                f"Unable to use Connection: {arn}. The provided role does not have sufficient permissions.",
            )
        connection = self.connections.get(arn)
        if connection is None or connection.account != credentials.account:
            raise ServiceError("ResourceNotFoundException", f"Connection not found: {arn}")
        if connection.status != "AVAILABLE":
            raise ServiceError(
                "ConflictException",
                f"Connection {connection.name} ({arn}) is {connection.status}. Complete it, in the sandbox by: "
                f"smproject sandbox accept {connection.name}",
            )
        if full_name not in self.hosted:
            raise ServiceError(
                "ResourceNotFoundException",
                f"[{connection.provider}] Connection {connection.name} reaches no repository {full_name}.",
            )
        return self.hosted[full_name]

    @property
    def _all(self) -> dict[str, Connection]:
        return self.connections

    @property
    def _hosts(self) -> dict[str, Host]:
        return self.hosts

    def _host(self, caller: Caller, arn: str) -> Host:
        if arn not in self._hosts or not caller.owns(arn):
            raise ServiceError("ResourceNotFoundException", f"Host not found: {arn}")
        return self._hosts[arn]

    def _find(self, caller: Caller, arn: str) -> Connection:
        if arn not in self._all or not caller.owns(arn):
            raise ServiceError("ResourceNotFoundException", f"Connection not found: {arn}")
        return self._all[arn]


class CodeStarConnections(CodeConnections):
    """The service under its former name, which new ARNs then bear."""

    name = "codestar-connections"

    @property
    def _all(self) -> dict[str, Connection]:
        owner: Any = self.world.services[CodeConnections.name]
        found: dict[str, Connection] = owner.connections
        return found

    @property
    def _hosts(self) -> dict[str, Host]:
        owner: Any = self.world.services[CodeConnections.name]
        found: dict[str, Host] = owner.hosts
        return found
