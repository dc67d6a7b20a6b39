"""Predictions recorded when the model was evaluated, which every endpoint of it must give again."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from pipelines.deploy.realtime.errors import DeployError

Value = str | float | int | bool | None
# The scores of one record: one for each class; a model with one alone writes it bare.
Scores = Annotated[list[FiniteFloat], BeforeValidator(lambda found: found if isinstance(found, list) else [found])]
Prediction = list[float] | str  # scores, or a text


class Column(BaseModel):
    """A column of the records, as features.json has it."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["numeric", "categorical", "image", "text"]


class Golden(BaseModel):
    """Raw records as a client would send them, and the scores of each, or the text that answers each."""

    model_config = ConfigDict(frozen=True)

    columns: list[Column] = Field(min_length=1)
    records: list[dict[str, Value]] = Field(min_length=1)
    scores: list[Scores] | None = None
    answers: list[str] | None = None
    tolerance: float = Field(default=1e-4, gt=0)  # of scores; an answer comes again to the letter

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Golden":
        if (self.scores is None) == (self.answers is None):
            raise ValueError("either scores or answers are expected")
        return self

    @property
    def predictions(self) -> Sequence[Prediction]:
        """Scores or answers, one a record."""
        return self.scores if self.scores is not None else self.answers or []

    @property
    def names(self) -> list[str]:
        """Names of the columns, in the order of CSV."""
        return [column.name for column in self.columns]

    def first(self, *kinds: str) -> Column | None:
        """The first column of one of the kinds, if there is one."""
        return next((column for column in self.columns if column.kind in kinds), None)


def read_golden(content: Any, source: str) -> Golden:
    """Check golden.json; DeployError names its source and everything that is wrong."""
    try:
        golden = Golden.model_validate(content)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise DeployError(f"{source}: {told}. Register the model anew.") from error
    if len(golden.predictions) != len(golden.records):
        found = f"{len(golden.records)} records and {len(golden.predictions)} predictions"
        raise DeployError(f"{source} has {found}. Register the model anew.")
    lengths = {len(scores) for scores in golden.scores or [[0.0]]}
    if len(lengths) > 1 or 0 in lengths:
        raise DeployError(f"{source} has records of {sorted(lengths)} scores. Register the model anew.")
    odd = [number for number, record in enumerate(golden.records) if set(record) != set(golden.names)]
    if odd:
        raise DeployError(f"{source}: record {odd[0]} does not have the columns listed. Register the model anew.")
    return golden
