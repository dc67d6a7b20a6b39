"""Let the champion, the version that is approved, say what the test set shows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from job import JobError
from measures import ChampionError


class Model(Protocol):
    """A model in a training job's archive, and what it takes and answers."""

    @property
    def schema(self) -> dict[str, Any]: ...  # noqa: D102  # features.json


M = TypeVar("M", bound=Model)
T = TypeVar("T")


def ask_approved(folder: Path, schema: dict[str, Any], load: Callable[[Path], M], ask: Callable[[M], T]) -> T:
    """Return what the champion says when asked; `folder` holds its archive, `schema` is the new model's."""
    archive = folder / "model.tar.gz"
    if not archive.is_file():
        raise ChampionError("There is no approved version")
    try:
        champion = load(archive)
        refuse_another(champion.schema, schema)
        return ask(champion)
    except Exception as error:  # the errors of libraries that read models share no other base
        reason = str(error) if isinstance(error, (JobError, ValueError)) else f"{type(error).__name__}: {error}"
        raise ChampionError(f"The approved version can't be measured on this data: {reason}") from error


def refuse_another(champion: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raise ValueError when the champion takes or answers something else."""
    for name in ("problem_type", "target", "columns"):
        if champion.get(name) != schema[name]:
            raise ValueError(f"its {name} is {champion.get(name)}, the new model's {schema[name]}")
