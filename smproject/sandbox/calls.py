"""What an HTTP request asks for: who signed it, for which service and operation, in which protocol."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wsgi import get_input_stream

Environ = dict[str, Any]
JSON, QUERY, REST = "json", "query", "rest"
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_BODY = "smproject.body"


@dataclass(frozen=True)
class Call:
    """A request to AWS; `access_key` is empty when nobody signed it. A REST call's operation is its method and path."""

    access_key: str
    region: str
    service: str
    operation: str
    wire: str


def read(environ: Environ) -> Call:
    """Read a request's signature and operation; raises UnicodeDecodeError for a form that isn't text."""
    access_key, region, service = _scope(environ)
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return Call(access_key, region, service, target.rpartition(".")[2], JSON)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return Call(access_key, region, service, form(environ).get("Action", ""), QUERY)
    resource = f"{environ['PATH_INFO']}{_subresource(environ)}"
    return Call(access_key, region, service, f"{environ['REQUEST_METHOD']} {resource}", REST)


def _subresource(environ: Environ) -> str:
    """Return `?policy` and the like, by which S3 tells its operations on one path apart."""
    first, _, value = environ.get("QUERY_STRING", "").partition("&")[0].partition("=")
    return f"?{first}" if first and not value else ""


def _scope(environ: Environ) -> tuple[str, str, str]:
    """Return access key, region and service, from a header or a presigned S3 URL of either signature version."""
    if found := _SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")):
        return found[1], found[2], found[3]
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if found := _SCOPE.search(f"Credential={query.get('X-Amz-Credential', '')}"):
        return found[1], found[2], found[3]
    return query.get("AWSAccessKeyId", ""), "us-east-1", "s3"


def body(environ: Environ) -> bytes:
    """Read the body and leave it readable for whoever comes next."""
    if _BODY not in environ:
        environ[_BODY] = get_input_stream(environ).read()
        environ["wsgi.input"] = io.BytesIO(environ[_BODY])
    content: bytes = environ[_BODY]
    return content


def form(environ: Environ) -> dict[str, str]:
    """Return the members of a form; raises UnicodeDecodeError when it isn't text."""
    return dict(parse_qsl(body(environ).decode(), keep_blank_values=True))


def well_formed(call: Call, environ: Environ) -> bool:
    """Tell whether the body of a JSON call is a JSON object; the other protocols' bodies are not looked at."""
    if call.wire != JSON:
        return True
    try:
        return isinstance(json.loads(body(environ) or b"{}"), dict)
    except ValueError:
        return False


def discard(environ: Environ) -> None:
    """Read what is left of the body: a client that still sends would not hear the answer."""
    if _BODY not in environ:
        stream = get_input_stream(environ)
        while stream.read(1 << 20):
            pass
