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
from urllib.parse import parse_qsl, quote, urlsplit

from werkzeug.wsgi import get_input_stream

from smproject.sandbox import models

Environ = dict[str, Any]
JSON, QUERY, REST = "json", "query", "rest"
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_BODY = "smproject.body"
_PARSED = "smproject.parsed"
_CBOR = re.compile(
    r"/service/\w+/operation/(\w+)"
)  # https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
# Nobody signs these: what they bear tells who asks.
_UNSIGNED = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}
_BY_PATH = {"s3"}  # of these, only the path and its query tell the operation


@dataclass(frozen=True)
class Call:
    """A request to AWS; `access_key` is empty when nobody signed it.

    The operation of a REST call that no service model describes, and of S3's, is its method and path.
    """

    access_key: str
    region: str
    service: str
    operation: str
    wire: str

    @property
    def needs_no_signature(self) -> bool:
        """Tell whether everybody may ask: what the request bears tells who does."""
        return _UNSIGNED.get(self.operation) == self.service


def read(environ: Environ) -> Call:
    """Read a request's signature and operation; raises UnicodeDecodeError for a form that isn't text."""
    access_key, region, service = _scope(environ)
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        _inflate(environ)
        return Call(access_key, region, service, target.rpartition(".")[2], JSON)
    if named := _named(environ, service):  # before forms: its body may be one
        return Call(access_key, region, service, named, REST)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        operation = form(environ).get("Action", "")
        return Call(access_key, region, _UNSIGNED.get(operation, service), operation, QUERY)
    resource = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{_subresource(environ)}"
    return Call(access_key, region, service, resource, REST)


def _named(environ: Environ, service: str) -> str:
    """Return the operation that the path names; empty when none does."""
    if service in _BY_PATH:
        return ""
    if found := _CBOR.fullmatch(environ["PATH_INFO"]):
        return found[1]
    return models.called(service, environ["REQUEST_METHOD"], sent_path(environ), environ.get("QUERY_STRING", ""))


def sent_path(environ: Environ) -> str:
    """Return the path as it was sent: an encoded slash belongs to a name, such as an ARN's."""
    sent = str(environ.get("RAW_URI") or quote(environ["PATH_INFO"]))
    return urlsplit(sent).path if "://" in sent else sent.partition("?")[0]


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
        return isinstance(parsed(environ), dict)
    except ValueError:
        return False


def parsed(environ: Environ) -> Any:
    """Return the body as JSON; raises ValueError when it is something else."""
    if _PARSED not in environ:
        environ[_PARSED] = json.loads(body(environ) or b"{}")
    return environ[_PARSED]


def discard(environ: Environ) -> None:
    """Read what is left of the body: a client that still sends would not hear the answer."""
    if _BODY not in environ:
        stream = get_input_stream(environ)
        while stream.read(1 << 20):
            pass


def query(environ: Environ) -> dict[str, str]:
    """Return the arguments of the request's path."""
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


def headers(environ: Environ) -> list[tuple[str, str]]:
    """Return the request's headers, their names in lower case."""
    return [(name[5:].replace("_", "-").lower(), value) for name, value in environ.items() if name.startswith("HTTP_")]
