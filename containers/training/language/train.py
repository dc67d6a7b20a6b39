"""Teach a base model to complete prompts, on a CPU, CUDA or Trainium: what containers/training/entry starts.

Reads the channels `train` and `validation` (*.jsonl), `base` (a model in Hugging Face's format) and `metadata`. Writes
model/, the base model with what it has learnt, in the same format, and output/data/adapter, what it has learnt alone.
Takes up its checkpoint, if any.
"""

from adapted import find_base, make_network, read_tokenizer
from data import read
from entry import Job
from export import export
from hyperparameters import Hyperparameters
from pytorch.checkpoint import Weights
from pytorch.place import taken
from pytorch.task import Task
from pytorch.training import Training


def train(hyperparameters: Hyperparameters, job: Job) -> None:
    """Train, and let the first process write the model after the best epoch."""
    base = find_base(job)
    tokenizer = read_tokenizer(base)
    texts, validation = (
        read(job, channel, tokenizer, hyperparameters.max_length) for channel in ("train", "validation")
    )
    described = [job.channel("metadata") / name for name in ("data.json", "features.json")]
    decisive = [*described, *sorted(path for path in base.iterdir() if path.is_file())]

    def save(best: Weights) -> None:
        network = make_network(base, hyperparameters)
        network.load_state_dict(best, strict=False)  # what is frozen is the base model's
        export(network, tokenizer, validation, texts.longest, job)

    with taken() as place:
        task = Task(make_network(base, hyperparameters), texts, validation, "tokens", decisive)
        training = Training(hyperparameters, job, place, task)
        training.run()
        training.finish(save)
