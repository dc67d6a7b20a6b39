"""A base model, which is frozen, and the adapters beside its matrices, which learn: LoRA.

https://arxiv.org/abs/2106.09685, https://huggingface.co/docs/peft
"""

from pathlib import Path

import torch
import transformers
from entry import Job, TrainingError
from hyperparameters import Hyperparameters
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

transformers.utils.logging.disable_progress_bar()
# A model is read from its folder alone, and never runs code or pickles of its own.
LOCAL = {"local_files_only": True, "trust_remote_code": False}


class Adapted(nn.Module):
    """A base model with adapters on all its linear layers, save the last, which tells tokens apart."""

    def __init__(self, base: PreTrainedModel, given: Hyperparameters) -> None:
        super().__init__()
        adapters = LoraConfig(
            task_type=TaskType.CAUSAL_LM,
            target_modules="all-linear",
            r=given.rank,
            lora_alpha=given.alpha,  # type: ignore[arg-type]  # the library only multiplies by it
            lora_dropout=given.dropout,
        )
        self.adapted = get_peft_model(base, adapters)

    def forward(self, tokens: Tensor) -> Tensor:
        """Int64 [n, length] to scores of the tokens that may follow, [n, length, tokens].

        What fills a record up comes after it, where no token of the record looks.
        """
        scores: Tensor = self.adapted(input_ids=tokens, use_cache=False).logits
        return scores


def find_base(job: Job) -> Path:
    """Folder of the base model in the channel `base`; raises TrainingError when it has no safetensors."""
    folder = job.files("base", "config.json")[0].parent
    if not any(folder.glob("*.safetensors")):
        found = ", ".join(sorted(path.name for path in folder.iterdir()))
        raise TrainingError(
            f"Channel 'base' has no *.safetensors beside config.json, but {found}. Give the model's weights as "
            "safetensors: other formats may run code when they are read."
        )
    return folder


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Read the base model's tokenizer, which must know a token that ends a text."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, **LOCAL)
    except (OSError, ValueError) as error:
        raise TrainingError(f"Channel 'base': its tokenizer can't be read: {error}") from error
    if tokenizer.eos_token_id is None:
        raise TrainingError("Channel 'base': its tokenizer has no eos_token. Name one in tokenizer_config.json.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def make_network(folder: Path, given: Hyperparameters) -> Adapted:
    """Return the base model with adapters whose first weights the seed decides."""
    torch.use_deterministic_algorithms(given.deterministic)
    try:
        base = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **LOCAL)
    except (OSError, ValueError) as error:
        raise TrainingError(f"Channel 'base' holds no model of language that can be read: {error}") from error
    refuse_long(base, given)
    torch.manual_seed(given.seed)
    return Adapted(base, given).train()


def refuse_long(base: PreTrainedModel, given: Hyperparameters) -> None:
    """Raise TrainingError when records may be longer than what the base model was made for."""
    limit = getattr(base.config, "max_position_embeddings", None) or given.max_length
    if given.max_length > limit:
        raise TrainingError(
            f"Hyperparameter max_length is {given.max_length}, but the base model takes {limit} tokens. Lower it."
        )
