"""Content types: what bodies and answers may be, and which of them a request asks for."""

from functools import lru_cache

from server.errors import RequestError

CSV, JSON, LINES, NPY = "text/csv", "application/json", "application/jsonlines", "application/x-npy"


@lru_cache(maxsize=64)
def media_type(header: str) -> tuple[str, str]:
    """Media type and charset of a Content-Type; other parameters are passed over."""
    kind, *parameters = (part.strip() for part in header.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = [value.strip("\"' ") for name, _, value in pairs if name.strip().lower() == "charset"]
    charset = charsets[0].lower() if charsets else "utf-8"
    # A byte order mark is no part of the first value.
    return kind.lower(), "utf-8-sig" if charset in ("utf-8", "utf8") else charset


@lru_cache(maxsize=64)
def negotiate(accept: str, content_type: str, offered: tuple[str, ...]) -> str:
    """Type of the answer: the first that Accept likes best; by default the request's own, or JSON."""
    own = media_type(content_type)[0]
    default = own if own in offered else JSON
    if not accept.strip():
        return default
    for wanted in by_preference(accept):
        for kind in (default, *offered):
            if wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
                return kind
    raise RequestError(406, f"Accept {accept!r} can't be met. Ask for one of {', '.join(offered)}.")


def by_preference(accept: str) -> list[str]:
    """Media ranges of an Accept header, the most wanted first, the refused (q=0) left out."""
    weighed = []
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
        try:
            weighed.append((float(weights[0]) if weights else 1.0, kind))
        except ValueError as error:
            raise RequestError(406, f"Accept {accept!r} has a weight that is no number. Correct it.") from error
    return [kind for weight, kind in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]
