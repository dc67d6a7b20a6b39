"""The two ways to say no: to a model folder at the start, and to a request."""


class StartError(Exception):
    """The server can't serve what it was given; the message says what was found and what to do."""


class RequestError(Exception):
    """A request is at fault; the message says what was found, where, and what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def first_line(error: Exception) -> str:
    """An error of a library in one line."""
    return str(error).strip().partition("\n")[0]
