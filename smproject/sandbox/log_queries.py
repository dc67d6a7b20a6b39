"""CloudWatch Logs' saved queries, which moto does not have: kept; nothing runs them here."""

from __future__ import annotations

import uuid
from typing import Any

from smproject.sandbox.service import Caller, Request, Service, ServiceError, now, page
from smproject.sandbox.world import World


class LogsService(Service):
    """Query definitions; everything else of CloudWatch Logs is moto's."""

    name, over_moto = "logs", True
    unsupported = frozenset({"PutQueryDefinition.parameters"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.queries: dict[tuple[str, str, str], dict[str, Any]] = {}

    def put_query_definition(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Keep a new query, or change the one of an id."""
        id_ = request.get("queryDefinitionId") or str(uuid.uuid4())
        key = (caller.account, caller.region, id_)
        if "queryDefinitionId" in request and key not in self.queries:
            raise ServiceError("ResourceNotFoundException", f"The query definition {id_} does not exist.")
        kept = ("name", "queryString", "logGroupNames")
        told: dict[str, Any] = {name: request[name] for name in kept if name in request}
        moment = int(now().timestamp() * 1000)
        language = request.get("queryLanguage") or "CWLI"
        self.queries[key] = {"queryDefinitionId": id_, "lastModified": moment, "queryLanguage": language, **told}
        return {"queryDefinitionId": id_}

    def describe_query_definitions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the queries of a prefix and a language."""
        place, start = (caller.account, caller.region), request.get("queryDefinitionNamePrefix") or ""
        language = request.get("queryLanguage")
        found = [
            query
            for key, query in list(self.queries.items())
            if key[:2] == place and query["name"].startswith(start) and language in (None, query["queryLanguage"])
        ]
        return page(found, request, "queryDefinitions", "maxResults", "nextToken", 1000)

    def delete_query_definition(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Forget a query."""
        key = (caller.account, caller.region, request["queryDefinitionId"])
        if self.queries.pop(key, None) is None:
            raise ServiceError("ResourceNotFoundException", f"The query definition {key[2]} does not exist.")
        return {"success": True}
