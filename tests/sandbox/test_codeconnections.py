"""Connections to git providers: kept, never completed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox


def refused(call: Any, **request: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**request)
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_waits_for_its_handshake(sandbox: Sandbox, service: str) -> None:
    api = sandbox.client(service)
    tags = [{"Key": "k", "Value": "v"}]
    arn = api.create_connection(ConnectionName="mine", ProviderType="GitHub", Tags=tags)["ConnectionArn"]
    shown = api.get_connection(ConnectionArn=arn)["Connection"]
    assert (shown["ConnectionStatus"], shown["OwnerAccountId"]) == ("PENDING", "222222222222")
    assert arn.startswith(f"arn:aws:{service}:us-east-1:222222222222:connection/")
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == tags
    assert refused(sandbox.client(service, "staging").get_connection, ConnectionArn=arn) == "AccessDeniedException"
    api.delete_connection(ConnectionArn=arn)
    assert refused(api.get_connection, ConnectionArn=arn) == "ResourceNotFoundException"


def test_both_names_of_the_service_show_the_same_connections(sandbox: Sandbox) -> None:
    new, old = sandbox.client("codeconnections"), sandbox.client("codestar-connections")
    arn = new.create_connection(ConnectionName="shared", ProviderType="GitLab")["ConnectionArn"]
    listed = old.list_connections(ProviderTypeFilter="GitLab")["Connections"]
    assert arn in {found["ConnectionArn"] for found in listed}
    old.delete_connection(ConnectionArn=arn)
    assert refused(new.get_connection, ConnectionArn=arn) == "ResourceNotFoundException"


def test_a_host_of_ones_own_serves_connections_until_it_is_deleted(sandbox: Sandbox) -> None:
    api = sandbox.client("codeconnections")
    address = {"ProviderType": "GitHubEnterpriseServer", "ProviderEndpoint": "https://git.example.com"}
    host = api.create_host(Name="company", **address)["HostArn"]
    shown = api.get_host(HostArn=host)
    assert {name: shown[name] for name in address} == address
    assert (shown["Name"], shown["Status"]) == ("company", "PENDING")
    assert host in {each["HostArn"] for each in api.list_hosts()["Hosts"]}

    arn = api.create_connection(ConnectionName="inside", HostArn=host)["ConnectionArn"]
    connection = api.get_connection(ConnectionArn=arn)["Connection"]
    assert (connection["HostArn"], connection["ProviderType"]) == (host, "GitHubEnterpriseServer")
    assert refused(api.delete_host, HostArn=host) == "ResourceUnavailableException"
    api.delete_connection(ConnectionArn=arn)
    api.delete_host(HostArn=host)
    assert refused(api.get_host, HostArn=host) == "ResourceNotFoundException"


def test_a_connection_needs_a_provider_or_a_host_that_is_there(sandbox: Sandbox) -> None:
    api = sandbox.client("codeconnections")
    host = "arn:aws:codeconnections:us-east-1:222222222222:host/absent"
    assert refused(api.create_connection, ConnectionName="mine", HostArn=host) == "ResourceNotFoundException"
    assert refused(api.create_connection, ConnectionName="mine") == "ValidationException"
    inside = {"ConnectionName": "mine", "ProviderType": "GitLabSelfManaged"}
    assert refused(api.create_connection, **inside) == "ValidationException"
