"""Records as process.py wrote them, a prompt and its completion a line, and the tokens that are learnt of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from entry import Job, TrainingError
from pytorch.task import NOTHING
from torch import Tensor
from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Record:
    """A prompt's tokens, those of its completion with the token that ends it, and the line where they stood."""

    prompt: list[int]
    completion: list[int]
    place: str

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class Texts:
    """Tokens, and what each is followed by: both int32 [n, max_length].

    Only a completion's tokens are labels: the prompt is given, not learnt.
    """

    tokens: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return some rows' tokens and labels, int64, on the device; the copies need not have ended."""
        tokens, labels = self.tokens[rows].long(), self.labels[rows].long()
        return tokens.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def weigh(self, rows: Tensor) -> int:
        """Number of the completions' tokens in some rows."""
        return int((self.labels[rows] != NOTHING).sum())

    @property
    def longest(self) -> int:
        """Tokens of the longest completion, with the one that ends it."""
        return int((self.labels != NOTHING).sum(1).max())


def read(job: Job, channel: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> Texts:
    """Read a channel; raises TrainingError for what is no record, and for records that are too long."""
    records = [encode(*found, tokenizer) for path in job.files(channel, "*.jsonl") for found in lines(path)]
    if not records:
        raise TrainingError(f"Channel {channel!r} has no record. Give it the output of process.py.")
    refuse_long(records, channel, max_length)
    filler = tokenizer.pad_token_id
    tokens = torch.full((len(records), max_length), filler, dtype=torch.int32)
    labels = torch.full((len(records), max_length), NOTHING, dtype=torch.int32)
    for number, record in enumerate(records):
        tokens[number, : len(record)] = torch.tensor(record.prompt + record.completion)
        # A token is learnt where the one before it stands.
        labels[number, len(record.prompt) - 1 : len(record) - 1] = torch.tensor(record.completion)
    return Texts(tokens, labels)


def lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each line's prompt and completion, and its place; raises TrainingError for another content."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            place = f"{path.name}:{number}"
            try:
                record = json.loads(line)
                prompt, completion = record["prompt"], record["completion"]
            except (ValueError, KeyError, TypeError) as error:
                raise TrainingError(wrong(place)) from error
            if not (isinstance(prompt, str) and isinstance(completion, str) and prompt):
                raise TrainingError(wrong(place))
            yield prompt, completion, place


def wrong(place: str) -> str:
    """Tell what a line must be."""
    return f'{place} is no JSON object with the texts "prompt", which is not empty, and "completion". Mend the line.'


def encode(prompt: str, completion: str, place: str, tokenizer: PreTrainedTokenizerBase) -> Record:
    """Return a record's tokens. A server encodes a prompt in the same way, and so gets what was learnt to follow it."""
    given, follows = tokenizer(prompt)["input_ids"], tokenizer(completion, add_special_tokens=False)["input_ids"]
    if not given:
        raise TrainingError(f"{place} has a prompt without a token of the base model. Mend the line.")
    return Record(given, [*follows, tokenizer.eos_token_id], place)


def refuse_long(records: list[Record], channel: str, max_length: int) -> None:
    """Raise TrainingError for records that don't fit: cut, they would teach something else."""
    if long := [record for record in records if len(record) > max_length]:
        raise TrainingError(
            f"Channel {channel!r} has {len(long)} records of more than max_length {max_length} tokens, the first "
            f"{long[0].place} with {len(long[0])}, the longest with {max(map(len, long))}. "
            "Raise max_length, or shorten them."
        )
