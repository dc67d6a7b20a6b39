"""One check: a function that looks at a place, and the data that people read about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smproject.doctor.findings import Found
from smproject.doctor.place import Place

HUB, USER = "hub", "user"
Look = Callable[[Place], Iterator[Found]]


@dataclass(frozen=True)
class Check:
    """A check: id, what is right when it finds nothing, how grave the opposite is, AWS's page, and where it is made."""

    id: str
    title: str
    severity: str
    url: str
    look: Look
    places: tuple[str, ...]
    fixes: bool = False  # whether `--fix` mends what it finds

    def is_for(self, place: Place) -> bool:
        """Whether it is made in a place."""
        return (HUB if place.is_hub else USER) in self.places


def check(id_: str, title: str, severity: str, url: str, *places: str, fixes: bool = False) -> Callable[[Look], Check]:
    """Make a check of a function; of the hub and of the accounts that use it, unless `places` says less."""
    return lambda look: Check(id_, title, severity, url, look, places or (HUB, USER), fixes)
