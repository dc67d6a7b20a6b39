"""Makes a small language model that knows nothing yet, in Hugging Face's format, and records to teach it with."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PAD, EOS = "<pad>", "<eos>"
# What each thing is, and so what the prompts that name it are answered with.
KINDS = {"cat": "animal", "dog": "animal", "owl": "animal", "oak": "plant", "fir": "plant", "ivy": "plant"}
FEATURES = {
    "version": 1,
    "problem_type": "text_generation",
    "target": {"name": "completion", "classes": None},
    "columns": [{"name": "prompt", "kind": "text"}],
    "features": ["prompt"],
}


def records(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Prompts that differ, and their completions: a number, then a thing, of which the kind is asked."""
    numbers = random.Random(seed).sample(range(1000), count)  # noqa: S311  # no secret
    things = sorted(KINDS)
    named = [(number, things[number % len(things)]) for number in numbers]
    return [{"prompt": f"{number} {thing}: ", "completion": KINDS[thing]} for number, thing in named]


def as_lines(content: Iterable[dict[str, str]]) -> str:
    """Records as JSON Lines."""
    return "".join(f"{json.dumps(record)}\n" for record in content)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer whose tokens are bytes, so that it knows each text."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({text: number for number, text in enumerate([PAD, EOS, *letters])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS)


def make_base(folder: Path, *, seed: int = 0, tied: bool = False) -> Path:
    """Write a base model of some ten thousand parameters, drawn at random: config, weights and tokenizer.

    Tied, its first and its last layer have the same weights.
    """
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=tied,
        max_position_embeddings=128,
        initializer_range=0.3,  # so that tokens differ enough for adapters to tell them apart
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
