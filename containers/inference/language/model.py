"""The model: a causal language model in Hugging Face's format, which continues a prompt by the likeliest tokens.

https://huggingface.co/docs/transformers/main_classes/text_generation
"""

from pathlib import Path
from typing import Any, Protocol

import torch
from schema import Schema
from server.errors import RequestError, StartError, first_line
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

logging.disable_progress_bar()

NEEDED = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
BATCH = 8  # prompts at a time: what is kept of each token grows with their number
# Nothing of a model's folder is run, nothing is fetched, and no pickle is opened.
SAFE = {"local_files_only": True, "trust_remote_code": False}


class Network(Protocol):
    """A language model as the library reads it; the library's own class does not say that it writes texts."""

    config: PreTrainedConfig
    generation_config: GenerationConfig

    def generate(self, **given: Any) -> Any:
        """Tokens of prompts and of the texts that go on from them, int64 [texts, length]."""


class Model:
    """Answers of prompts."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        if missing := [name for name in NEEDED if not (folder / name).is_file()]:
            raise StartError(f"{folder} lacks {', '.join(missing)}. Deploy a model that training merged.")
        self.column = schema.names[0]
        try:
            self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, padding_side="left", **SAFE)
            self.network = load(folder)
        except StartError:
            raise
        except Exception as error:  # the libraries' readers raise what their parsers do
            raise StartError(f"{folder} is no language model: {first_line(error)}. Train again.") from error
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.longest = self.network.generation_config.max_new_tokens
        if not self.longest:
            raise StartError(f"{folder / 'generation_config.json'} has no max_new_tokens. Train again.")
        known = (self.tokenizer.model_max_length, getattr(self.network.config, "max_position_embeddings", None))
        self.limit = min(int(length) for length in known if length) - self.longest

    @torch.inference_mode()
    def predict(self, prompts: list[str]) -> list[str]:
        """Continue each prompt until the model ends it, or for as many tokens as the longest text it learnt from."""
        self.check(prompts)
        parts = [prompts[start : start + BATCH] for start in range(0, len(prompts), BATCH)]
        return [answer for part in parts for answer in self.answer(part)]

    def check(self, prompts: list[str]) -> None:
        """Refuse a prompt of no token, or of more than the model takes: to cut it would be to answer another."""
        for number, tokens in enumerate(self.tokenizer(prompts)["input_ids"], 1):
            if not 1 <= len(tokens) <= self.limit:
                found = f"row {number}, column {self.column!r}: the text has {len(tokens)} tokens"
                raise RequestError(400, f"{found}; the limit is {self.limit}. Send another text.")

    def answer(self, prompts: list[str]) -> list[str]:
        """Continue some prompts at once, the shorter ones filled up on the left."""
        given = self.tokenizer(prompts, padding=True, return_token_type_ids=False, return_tensors="pt")
        tokens = self.network.generate(**given, do_sample=False, pad_token_id=self.tokenizer.pad_token_id)
        written = tokens[:, given["input_ids"].shape[1] :]
        answers: list[str] = self.tokenizer.batch_decode(
            written, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return answers

    def is_quick(self, _: list[str]) -> bool:
        """Never: a text takes as many calls of the network as it has tokens."""
        return False


def load(folder: Path) -> Network:
    """Read a network in float32: in bfloat16 another CPU's rounding would choose other tokens."""
    read: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **SAFE
    )
    network, found = read
    if missing := sorted(found["missing_keys"]):
        raise StartError(f"{folder / 'model.safetensors'} lacks {missing[0]} of config.json's network. Train again.")
    served: Network = network.eval()
    return served
