"""Read a trained language model, as it is served, from the archive of a training job; answer prompts with it."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from archive import unpack
from job import JobError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

logging.disable_progress_bar()

NEEDED = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
# Nothing of a model's folder is run, nothing is fetched, and no pickle is opened.
SAFE = {"local_files_only": True, "trust_remote_code": False}
BATCH = 8  # prompts at a time, as the server takes them


class Answer(NamedTuple):
    """A text, and by how much the likeliest token led the second wherever that was least, in logits."""

    text: str
    margin: float


class Judgement(NamedTuple):
    """How a completion's tokens, the end of the text among them, fare when each is foretold from those before."""

    right: int
    tokens: int
    loss: float  # the sum of their negative log likelihoods


class Network(Protocol):
    """A language model as the library reads it; the library's own class does not say that it writes texts."""

    config: PreTrainedConfig
    generation_config: GenerationConfig

    def __call__(self, input_ids: torch.Tensor, *, logits_to_keep: int) -> Any:
        """Scores of what follows each of the last tokens, as the attribute `logits`: float [texts, length, tokens]."""

    def generate(self, **given: Any) -> Any:
        """Tokens of prompts and of the texts that go on from them, int64 [texts, length]."""


class Margins(LogitsProcessor):
    """Looks on while texts are written: changes no score, keeps the lead of each step's best."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Note the lead of a step, [texts]."""
        best, second = scores.topk(2).values.unbind(-1)
        self.steps.append(best - second)
        return scores


@dataclass(frozen=True)
class Model:
    """A network with its tokenizer, and what the model takes and answers."""

    network: Network
    tokenizer: PreTrainedTokenizerBase
    schema: dict[str, Any]

    @property
    def limit(self) -> int:
        """Tokens that a prompt may have, room left for the longest answer."""
        known = (self.tokenizer.model_max_length, getattr(self.network.config, "max_position_embeddings", None))
        return min(int(length) for length in known if length) - int(self.network.generation_config.max_new_tokens)

    @torch.inference_mode()
    def answers(self, prompts: Sequence[str]) -> list[Answer]:
        """Continue prompts by the likeliest tokens; JobError for one that is too long."""
        for number, tokens in enumerate(self.tokenizer(list(prompts))["input_ids"], 1):
            if len(tokens) > self.limit:
                found = f"the prompt of test record {number} has {len(tokens)} tokens, the model takes {self.limit}"
                raise JobError(f"{found}. Shorten the record, or train with another max_length.")
        return list(self._batches(prompts))

    def _batches(self, prompts: Sequence[str]) -> Iterator[Answer]:
        for start in range(0, len(prompts), BATCH):
            yield from self._continue(list(prompts[start : start + BATCH]))

    def _continue(self, prompts: list[str]) -> Iterator[Answer]:
        margins = Margins()
        given = self.tokenizer(prompts, padding=True, return_token_type_ids=False, return_tensors="pt")
        tokens = self.network.generate(
            **given,
            do_sample=False,
            pad_token_id=self.tokenizer.pad_token_id,
            logits_processor=LogitsProcessorList([margins]),
        )
        written = tokens[:, given["input_ids"].shape[1] :]
        texts = self.tokenizer.batch_decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        led = torch.stack(margins.steps, 1).masked_fill(self._after_end(written), torch.inf)
        yield from map(Answer, texts, led.amin(1).tolist())

    def _after_end(self, written: torch.Tensor) -> torch.Tensor:
        """Which tokens come after the first that ends a text: those of a text that is shorter than others."""
        ends = torch.isin(written, torch.tensor(self.network.generation_config.eos_token_id))
        return (ends.cumsum(1) - ends.long()) > 0

    @torch.inference_mode()
    def judge(self, prompt: str, completion: str) -> Judgement:
        """Foretell each token of a completion from those before it, as in training."""
        before = self.tokenizer(prompt)["input_ids"]
        wanted = self.tokenizer(completion, add_special_tokens=False)["input_ids"] + [self.tokenizer.eos_token_id]
        tokens = torch.tensor([before + wanted])
        logits = self.network(tokens, logits_to_keep=len(wanted) + 1).logits[0, :-1].float()
        labels = torch.tensor(wanted)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return Judgement(int((logits.argmax(1) == labels).sum()), len(wanted), float(loss))


def load_model(archive: Path) -> Model:
    """Read the model in model.tar.gz; only plain files inside it are accepted."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(archive, folder, (*NEEDED, "features.json"))
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", **SAFE)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        # In bfloat16 another CPU's rounding would choose other tokens.
        network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **SAFE)
        schema = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        return Model(network.eval(), tokenizer, schema)
