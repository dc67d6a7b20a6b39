"""Git's smart HTTP protocol, served by `git http-backend`."""

from __future__ import annotations

import subprocess
import tempfile
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from smproject.sandbox.git_repository import environment

CHUNK = 1 << 16
Environ = dict[str, Any]
# What `git http-backend` reads of a CGI environment; it unpacks gzip bodies itself.
_PASSED = (
    "REQUEST_METHOD",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "HTTP_CONTENT_ENCODING",
    "HTTP_ACCEPT",
    "HTTP_GIT_PROTOCOL",
)


def credentials(environ: Environ) -> tuple[str, str] | None:
    """Return the user name and the password of HTTP basic authentication; None when the request has none."""
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = b64decode(encoded).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return name, password


def user_name(environ: Environ) -> str | None:
    """Return the user name of HTTP basic authentication; None when the request has none."""
    found = credentials(environ)
    return found[0] if found else None


def refuse(start_response: Any, status: str, text: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    """Answer with a plain text, which git shows to its user after `remote:`."""
    body = f"{text}\n".encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
    return [body]


def serve(environ: Environ, start_response: Any, root: Path, path: str, user: str) -> Iterable[bytes]:
    """Answer one request for `path` (such as `222222222222/name.git/info/refs`) under `root`.

    The request is taken in and the answer written to files first, so pushes and clones of any size pass, and git has
    ended when this returns.
    """
    with tempfile.TemporaryFile() as request:
        length = _take_in(environ, request)
        answer = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the server has sent it
        cgi = {name: str(environ[name]) for name in _PASSED if name in environ}
        cgi |= {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": f"/{path}"}
        cgi |= {"GIT_PROTOCOL": cgi.get("HTTP_GIT_PROTOCOL", ""), "CONTENT_LENGTH": str(length)}
        cgi |= {"REMOTE_USER": user, "REMOTE_ADDR": "127.0.0.1"}
        subprocess.run(["git", "http-backend"], env=environment() | cgi, stdin=request, stdout=answer, check=False)
    return _send(answer, start_response)


def _take_in(environ: Environ, request: IO[bytes]) -> int:
    """Copy the request's body to a file; return its length."""
    chunked = environ.get("wsgi.input_terminated", False)
    left = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    while left is None or left > 0:
        block = environ["wsgi.input"].read(CHUNK if left is None else min(CHUNK, left))
        if not block:
            break
        request.write(block)
        left = left if left is None else left - len(block)
    length = request.tell()
    request.seek(0)
    return length


def _send(answer: IO[bytes], start_response: Any) -> Iterator[bytes]:
    """Turn CGI output into a WSGI answer."""
    size = answer.tell()
    answer.seek(0)
    headers = [line.partition(":")[::2] for line in _header_lines(answer)]
    named = {name.lower(): value.strip() for name, value in headers}
    status = named.pop("status", "200 OK" if named else "500 Internal Server Error")
    named["content-length"] = str(size - answer.tell())
    start_response(status, list(named.items()))
    return _blocks(answer)


def _header_lines(answer: IO[bytes]) -> Iterator[str]:
    while line := answer.readline().decode("latin-1").strip():
        yield line


def _blocks(answer: IO[bytes]) -> Iterator[bytes]:
    with answer:
        while block := answer.read(CHUNK):
            yield block
