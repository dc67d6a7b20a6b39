"""What an HTTP request asks for: who signed it, for which service and operation, in which protocol."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wsgi import get_input_stream

Environ = dict[str, Any]
JSON, QUERY, REST = "json", "query", "rest"
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_BODY = "smproject.body"
# REST calls to our own services, by signing name and path: their operation, as IAM and the call log have it.
_REST_OPERATIONS = [("sagemaker", re.compile(r"POST /endpoints/[^/]+/invocations"), "InvokeEndpoint")]


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
        _inflate(environ)
        return Call(access_key, region, service, target.rpartition(".")[2], JSON)
    resource = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{_subresource(environ)}"
    if named := _named(service, resource):  # before forms: its body may be one
        return Call(access_key, region, service, named, REST)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return Call(access_key, region, service, form(environ).get("Action", ""), QUERY)
    return Call(access_key, region, service, resource, REST)


def _named(service: str, resource: str) -> str | None:
    found = (name for owner, path, name in _REST_OPERATIONS if owner == service and path.fullmatch(resource))
    return next(found, None)


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


def _inflate(environ: Environ) -> None:
    """Unpack a compressed body, as boto3 sends larger ones of some operations; one that is not gzip stays."""
    if environ.get("HTTP_CONTENT_ENCODING") != "gzip":
        return
    with suppress(OSError, EOFError, zlib.error):
        content = gzip.decompress(body(environ))
        environ |= {_BODY: content, "wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
        del environ["HTTP_CONTENT_ENCODING"]


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
