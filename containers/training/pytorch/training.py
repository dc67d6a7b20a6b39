"""The training loop: steps, epochs, checkpoints. Nothing in a step waits for the device."""

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

import torch
from entry import Job, TrainingError
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from pytorch import checkpoint
from pytorch.batches import batches, parts, shares
from pytorch.hyperparameters import LoopHyperparameters
from pytorch.place import Place, describe
from pytorch.sharding import shard
from pytorch.task import NOTHING, Task

logger = logging.getLogger("train")

PULSE = 10  # steps after which the processes agree whether to end


class Training:
    """One process's part of a training, from its checkpoint on."""

    def __init__(self, given: LoopHyperparameters, job: Job, place: Place, task: Task) -> None:
        self.given, self.job, self.place, self.task = given, job, place, task
        self.share = given.share(place.world)
        self.epoch_steps = self.count_steps()
        self.network = task.network.to(place.device)
        if given.shard and place.world > 1:
            shard(self.network, place.device)
        learns = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(learns, weight_decay=given.weight_decay)
        self.kept = checkpoint.place_of(job, given, task.decisive)
        self.progress = checkpoint.load(self.kept, self.network, self.optimizer)
        self.losses = torch.tensor(self.progress.loss_sum, device=place.device)
        self.model = self.prepared()

    def count_steps(self) -> int:
        """Steps of an epoch; raises TrainingError when the examples fill no batch."""
        count = len(self.task.train)
        if count < self.given.batch_size:
            raise TrainingError(
                f"Channel train has {count} examples, fewer than batch_size {self.given.batch_size}. Lower it."
            )
        return count // self.given.batch_size

    def prepared(self) -> nn.Module:
        """The network as it is called in a step: compiled, if asked, and joined with that of the other processes."""
        model: nn.Module = self.network
        if self.given.compile:
            # TorchNeuron's compiler is a backend of its own; the shapes never change.
            backend = "neuron" if self.place.device.type == "neuron" else "inductor"
            model = torch.compile(model, backend=backend, dynamic=False)  # type: ignore[assignment]
        is_joined = self.place.world == 1 or isinstance(self.network, FSDPModule)
        return model if is_joined else DistributedDataParallel(model)

    def run(self) -> None:
        """Train until the epochs are done, the validation loss stalls, or the job is told to end."""
        self.tell_what()
        while self.progress.epoch < self.given.epochs and not self.stalls():
            begun, start, learnt = self.progress.step - self.progress.epoch * self.epoch_steps, time.monotonic(), 0
            order = batches(len(self.task.train), self.given.batch_size, self.progress.epoch, self.given.seed)
            for number, batch in enumerate(islice(order, begun, None), begun + 1):
                learnt += self.step(batch)
                if number % PULSE == 0 and self.ends():
                    return
                if self.progress.step % self.given.checkpoint_steps == 0 and number < self.epoch_steps:
                    self.save()
            self.end_epoch(learnt, start)
            if self.ends():
                return

    def finish(self, export: Callable[[checkpoint.Weights], None]) -> None:
        """Let the first process export the weights after the best epoch; what is done needs no checkpoint."""
        if not self.place.is_first:
            return
        if self.progress.best:
            export(self.progress.best)
        else:
            logger.info("Stopped before the end of the first epoch; there is no model to keep.")
        if not self.job.stop.asked:
            checkpoint.discard(self.kept)

    def step(self, batch: Tensor) -> int:
        """Learn from a batch; returns how many labels it has."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        # So what is drawn in a step, by a dropout for one, is the same after an interruption.
        torch.manual_seed((self.given.seed << 32) + self.progress.step * self.place.world + self.place.rank)
        count = self.task.train.weigh(batch)
        for number, rows in enumerate(parts(batch, self.place, self.given.accumulate), 1):
            with self.quiet(last=number == self.given.accumulate):
                # Gradients become the mean of the processes', so that each label weighs the same.
                inputs, labels = self.task.train.take(rows, self.place.device)
                loss = total_loss(self.scores(self.model, inputs), labels) * self.place.world / count
                loss.backward()
            self.losses += loss.detach()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.given.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.step += 1
        return count

    def scores(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """What the model gives for inputs, float32 [labels, classes]."""
        with self.precision():
            scores: Tensor = model(inputs)
        return scores.float().flatten(0, -2)

    def precision(self) -> torch.autocast:
        """Matrices are multiplied in bfloat16, if asked; what needs the precision of float32 keeps it."""
        return torch.autocast(self.place.device.type, torch.bfloat16, enabled=self.given.precision == "bfloat16")

    def quiet(self, *, last: bool) -> AbstractContextManager[None]:
        """Keep gradients to oneself until the last part of a batch."""
        if isinstance(self.network, FSDPModule):
            self.network.set_requires_gradient_sync(last)
        if last or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        apart: AbstractContextManager[None] = self.model.no_sync()
        return apart

    def rate(self) -> float:
        """Learning rate: up in a line, down in a cosine. https://arxiv.org/abs/1608.03983"""
        steps = self.given.epochs * self.epoch_steps
        warmup = round(self.given.warmup_share * steps)
        if self.progress.step < warmup:
            return self.given.learning_rate * (self.progress.step + 1) / warmup
        done = (self.progress.step - warmup) / max(1, steps - warmup)
        return self.given.learning_rate * (1 + math.cos(math.pi * done)) / 2

    def end_epoch(self, learnt: int, start: float) -> None:
        """Measure the epoch, keep its weights if they are the best, and save a checkpoint."""
        train_loss = float(self.place.total(self.losses)) / (self.place.world * self.epoch_steps)
        seconds = time.monotonic() - start  # reading the loss has waited for the device
        loss, accuracy = self.validate()
        self.demand_finite(train_loss, loss)
        self.progress.epoch += 1
        self.losses = torch.zeros_like(self.losses)
        if loss < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_epoch = loss, self.progress.epoch
            self.progress.best = checkpoint.learnt(self.network)
        self.tell(f"train:loss={train_loss:.6f} validation:loss={loss:.6f} validation:accuracy={accuracy:.6f}")
        self.tell(f"{self.task.unit}_per_second={learnt / seconds:.1f}")
        self.save()

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy on the validation examples, of which each process measures its share."""
        count, sums = len(self.task.validation), torch.zeros(2, device=self.place.device)
        self.network.eval()
        for rows in shares(count, self.share, self.place):
            inputs, labels = self.task.validation.take(rows.clamp(max=count - 1), self.place.device)
            fills = (rows >= count).view(-1, *[1] * (labels.ndim - 1))
            labels = labels.masked_fill(fills.to(self.place.device), NOTHING)
            scores = self.scores(self.network, inputs)
            sums += torch.stack([total_loss(scores, labels), (scores.argmax(1) == labels.flatten()).sum()])
        self.network.train()
        loss, right = self.place.total(sums).tolist()
        weight = self.task.validation.weigh(torch.arange(count))
        return loss / weight, right / weight

    def stalls(self) -> bool:
        """Whether the validation loss has not improved for as many epochs as patience says."""
        since = self.progress.epoch - self.progress.best_epoch
        return bool(self.given.patience and self.progress.best_epoch > 0 and since >= self.given.patience)

    def ends(self) -> bool:
        """Whether any process was told to end; the state is saved then."""
        if not self.place.any_of(self.job.stop.asked):
            return False
        self.job.stop.ask()
        self.tell("told to end; the next run goes on from here")
        self.save()
        return True

    def save(self) -> None:
        """Save a checkpoint, unless the training has come to nothing."""
        self.progress.loss_sum = float(self.losses)
        self.demand_finite(self.progress.loss_sum)
        checkpoint.save(self.kept, self.progress, self.network, self.optimizer, is_first=self.place.is_first)

    def demand_finite(self, *losses: float) -> None:
        """Raise TrainingError for a loss that is no number any more."""
        if not all(map(math.isfinite, losses)):
            raise TrainingError(
                f"The loss is {losses[-1]} by step {self.progress.step}. Lower learning_rate, or look at the data."
            )

    def tell_what(self) -> None:
        """Log what trains where."""
        if self.place.is_first:
            sizes = [(each.numel(), each.requires_grad) for each in self.network.parameters()]
            learns = sum(size for size, learns in sizes if learns)
            what = f"{learns} of {sum(size for size, _ in sizes)} parameters learn"
            logger.info("Training on %s in %s: %s", describe(self.place), self.given.precision, what)

    def tell(self, text: str) -> None:
        """Log a line for all processes; names and values are what the job's metric definitions find."""
        if self.place.is_first:
            logger.info("[epoch %d, step %d] %s", self.progress.epoch, self.progress.step, text)


def total_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Sum of the losses of scores, float32 [labels, classes]."""
    return cross_entropy(scores, labels.flatten(), reduction="sum", ignore_index=NOTHING)
