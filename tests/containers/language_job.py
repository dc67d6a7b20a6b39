"""A training job that teaches a small language model the kinds of things."""

from pathlib import Path

import torch
from language_models import FEATURES, as_lines, make_base, records
from peft import PeftModel
from training_job import TRAINING, TrainingJob
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

RECORDS = records(160)
SPLIT = {"train": RECORDS[:96], "validation": RECORDS[96:128]}
UNSEEN = RECORDS[128:]


class Job(TrainingJob):
    """A job whose channels hold records and a base model."""

    container = TRAINING / "language"
    fast = {"epochs": "5", "batch_size": "12", "max_length": "24", "rank": "8", "learning_rate": "0.02"}  # noqa: RUF012

    @classmethod
    def make(cls, base: Path) -> "Job":
        """Lay out the folder, its channels filled."""
        job = cls(base)
        for channel, content in SPLIT.items():
            job.fill(channel, as_lines(content))
        make_base(job.channel("base"))
        job.write("input/data/metadata/features.json", FEATURES)
        job.write("input/config/inputdataconfig.json", {name: {} for name in (*SPLIT, "base", "metadata")})
        return job

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def fill(self, channel: str, content: str) -> None:
        self.channel(channel).mkdir(parents=True, exist_ok=True)
        (self.channel(channel) / "records.jsonl").write_text(content)

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def adapter(self) -> Path:
        return self.base / "output" / "data" / "adapter"


def read_model(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    return model


def read_adapted(job: Job) -> PeftModel:
    """The base model with the adapters that the job left."""
    return PeftModel.from_pretrained(read_model(job.channel("base")), str(job.adapter))


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer


@torch.no_grad()
def answers(folder: Path, prompts: list[str], **how: int) -> list[str]:
    """How a model completes prompts, one after another."""
    model, tokenizer = read_model(folder), read_tokenizer(folder)
    found = []
    for prompt in prompts:
        given = tokenizer(prompt, return_tensors="pt")
        (tokens,) = model.generate(**given, **how)
        found.append(tokenizer.decode(tokens[given["input_ids"].shape[1] :], skip_special_tokens=True))
    return found


def share_right(folder: Path, asked: list[dict[str, str]], **how: int) -> float:
    """Share of the records that a model completes as they are."""
    found = answers(folder, [record["prompt"] for record in asked], **how)
    return sum(one == record["completion"] for one, record in zip(found, asked, strict=True)) / len(asked)
