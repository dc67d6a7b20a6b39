"""AWS Config's rules are moto's, but the functions that they would invoke are not: moto looks for them here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.awslambda import utils
from moto.config.models import Source

_get_backend, _init, _LOOKING = utils.get_backend, Source.__init__, threading.local()


@dataclass(frozen=True)
class _Functions:
    """What moto takes for Lambda while it looks at a rule's source."""

    account: str
    region: str
    check: Callable[[str, str, str], None]

    def get_function(self, function: str) -> None:
        """Raise an exception for a function that Config can't invoke: moto turns it into Config's own."""
        self.check(function, self.account, self.region)


def check_functions(check: Callable[[str, str, str], None]) -> None:
    """Let `check` (function, account, region) raise ServiceError for a rule's function that can't be invoked."""

    def get_backend(account: str, region: str) -> Any:
        is_looking = getattr(_LOOKING, "yes", False)
        return _Functions(account, region, check) if is_looking else _get_backend(account, region)

    def init(self: Source, *arguments: Any, **named: Any) -> None:
        _LOOKING.yes = True
        try:
            _init(self, *arguments, **named)
        finally:
            _LOOKING.yes = False

    utils.get_backend, Source.__init__ = get_backend, init
