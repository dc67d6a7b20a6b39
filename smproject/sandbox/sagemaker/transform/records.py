"""What a transform sends and stores: records cut out of an object, requests made of them, and answers put together.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.sagemaker.transform import paths
from smproject.sandbox.service import ServiceError

Request = dict[str, Any]
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Processing:
    """What is cut out of the records, and joined with the answers."""

    input: str = "$"
    output: str = "$"
    joins: bool = False
    kind: str = ""  # the records' media type

    @classmethod
    def of(cls, request: Request) -> Processing:
        """Read a request's DataProcessing."""
        told = request.get("DataProcessing", {})
        kind = request["TransformInput"].get("ContentType", "").partition(";")[0].strip().lower()
        joins = told.get("JoinSource", "None") == "Input"
        return cls(told.get("InputFilter", "$"), told.get("OutputFilter", "$"), joins, kind)

    @property
    def is_any(self) -> bool:
        """Whether anything is to be done."""
        return self.joins or (self.input, self.output) != ("$", "$")

    def sent(self, record: bytes) -> bytes:
        """Return what of a record goes to the model."""
        return self.written(paths.select(self.read(record), self.input), record)

    def stored(self, record: bytes, answer: bytes) -> bytes:
        """Return what is stored of a record and its answer."""
        found = self._joined(self.read(record), self.read(answer)) if self.joins else self.read(answer)
        return self.written(paths.select(found, self.output), record)

    def read(self, record: bytes) -> Any:
        """Read a record: CSV as a list of texts, JSON as what it is."""
        try:
            text = record.decode()
            return next(csv.reader([text.rstrip("\r\n")]), []) if self.kind == "text/csv" else json.loads(text)
        except (ValueError, csv.Error) as error:
            raise ServiceError("ClientError", f"A record is not {self.kind}: {error}") from error

    def written(self, value: Any, like: bytes) -> bytes:
        """Write a record, ended as another one is."""
        end = b"\n" if like.endswith(b"\n") else b""
        if self.kind != "text/csv":
            return json.dumps(value).encode() + end
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return row.getvalue().encode() + end

    def _joined(self, record: Any, answer: Any) -> Any:
        if self.kind == "text/csv":
            return [*record, *answer]
        inside = record if isinstance(record, dict) else {"SageMakerInput": record}
        return {**inside, "SageMakerOutput": answer}


@dataclass(frozen=True)
class Cut:
    """How objects are cut into requests; a limit of 0 is none."""

    by_line: bool
    single: bool
    limit: int
    processing: Processing = field(default_factory=Processing)

    def batches(self, content: bytes) -> Iterator[list[bytes]]:
        """Yield the records of each request; raises ServiceError for a record over the limit."""
        batch: list[bytes] = []
        size = 0
        for record in content.splitlines(keepends=True) if self.by_line else [content]:
            length = len(record)
            if self.limit and length > self.limit:
                raise ServiceError("ClientError", f"A record has {length} bytes; MaxPayloadInMB is {self._megabytes()}")
            if batch and (self.single or (self.limit and size + length > self.limit)):
                yield batch
                batch, size = [], 0
            batch.append(record)
            size += length
        if batch:
            yield batch

    def body(self, batch: Sequence[bytes]) -> bytes:
        """Return the body of the request for a batch."""
        return b"".join(map(self.processing.sent, batch)) if self.processing.is_any else b"".join(batch)

    def result(self, batch: Sequence[bytes], answer: bytes) -> bytes:
        """Return what is stored of an answer; raises ServiceError when it can't be told which record it is of."""
        if not self.processing.is_any:
            return answer
        answers = answer.splitlines() if self.by_line else [answer]
        if len(answers) != len(batch):
            message = f"{len(batch)} records got {len(answers)} answers, which can't be joined with them"
            raise ServiceError("ClientError", message)
        stored = zip(batch, answers, strict=True)
        return b"".join(self.processing.stored(record, told) for record, told in stored)

    def _megabytes(self) -> int:
        return self.limit // MEGABYTE


def assembled(results: Sequence[bytes], by_line: bool) -> bytes:
    """Put the results of an object together, each on lines of its own where they are lines."""
    ends = b"\n" if by_line else b""
    return b"".join(result if result.endswith(ends) else result + ends for result in results)
