"""Write the adapters, and the model that they make of the base, once both are seen to give the same scores."""

import logging
import tempfile
from pathlib import Path
from typing import cast

import torch
from adapted import Adapted
from data import Texts
from entry import Job, TrainingError
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger("train")

TOLERANCE = 1e-3  # of the largest score
PROVED, BATCH = 64, 8  # records that are compared, and at once
# What servers read; what else tokenizers write repeats it, or is of no use to a model of texts.
FILES = (
    *("config.json", "generation_config.json", "model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
)


def export(network: Adapted, tokenizer: PreTrainedTokenizerBase, texts: Texts, longest: int, job: Job) -> None:
    """Write output/data/adapter and the model; raises TrainingError when their scores differ on the texts.

    `longest` is the number of tokens after which an answer ends at the latest.
    """
    network.eval()
    tokens = texts.tokens[:PROVED].long()
    expected = scores(network, tokens)
    write_adapters(network, job.data / "adapter")
    merged = cast(PreTrainedModel, network.adapted.merge_and_unload())  # the base, which the library calls any module
    network.add_module("adapted", merged)
    difference = prove(expected, scores(network, tokens))
    write_model(merged, tokenizer, longest, job.model)
    logger.info("The merged model gives what the adapted one gives: scores differ by at most %.1e", difference)


@torch.no_grad()
def scores(network: nn.Module, tokens: Tensor) -> Tensor:
    """What the network gives for tokens, int64 [n, length]: float [n, length, tokens]."""
    return torch.cat([network(some) for some in tokens.split(BATCH)])


def prove(expected: Tensor, found: Tensor) -> float:
    """Return the largest difference in units of the largest score; TrainingError above TOLERANCE."""
    difference = float((found - expected).abs().max() / expected.abs().max())
    # Written so that NaN, which is neither above nor below, fails.
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"Merging the adapters into the base model changes its scores by {difference:.1e}, more than {TOLERANCE}. "
            "Lower learning_rate or alpha."
        )
    return difference


def write_adapters(network: Adapted, folder: Path) -> None:
    """Write what was learnt alone, as PEFT reads it."""
    network.adapted.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a form to fill in


def write_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, longest: int, folder: Path) -> None:
    """Write the model in Hugging Face's format. It answers with the likeliest token at each step."""
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=longest,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        model.save_pretrained(partial, max_shard_size="1TB")  # one file
        tokenizer.save_pretrained(partial, save_jinja_files=False)  # a chat's template goes into tokenizer_config.json
        for path in filter(Path.is_file, (Path(partial) / name for name in FILES)):
            path.chmod(0o644)  # a server, which is not root, reads the model
            path.replace(folder / path.name)
