"""The training loop: steps, epochs, checkpoints. Nothing in a step waits for the device."""

import logging
import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice

import checkpoint
import torch
from data import Images, batches, parts
from entry import Job, TrainingError
from hyperparameters import Hyperparameters
from network import Network
from place import Place
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from torch.nn.parallel import DistributedDataParallel

logger = logging.getLogger("train")

PULSE = 10  # steps after which the processes agree whether to end


@dataclass(frozen=True)
class Data:
    """The images to learn from, and those that decide which epoch was best."""

    train: Images
    validation: Images


class Training:
    """One process's part of a training, from its checkpoint on."""

    def __init__(self, given: Hyperparameters, job: Job, place: Place, data: Data, network: Network) -> None:
        self.given, self.job, self.place, self.data = given, job, place, data
        self.share = given.share(place.world)
        self.epoch_steps = len(data.train) // given.batch_size
        self.network = network.to(place.device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=given.weight_decay)
        self.kept = checkpoint.place_of(job, given)
        self.progress = checkpoint.load(self.kept, self.network, self.optimizer)
        self.losses = torch.tensor(self.progress.loss_sum, device=place.device)
        self.model = self.prepared()

    def prepared(self) -> nn.Module:
        """The network as it is called in a step: compiled, if asked, and joined with that of the other processes."""
        model: nn.Module = self.network
        if self.given.compile:
            # TorchNeuron's compiler is a backend of its own; the shapes never change.
            backend = "neuron" if self.place.device.type == "neuron" else "inductor"
            model = torch.compile(model, backend=backend, dynamic=False)  # type: ignore[assignment]
        return DistributedDataParallel(model) if self.place.world > 1 else model

    def run(self) -> None:
        """Train until the epochs are done, the validation loss stalls, or the job is told to end."""
        while self.progress.epoch < self.given.epochs and not self.stalls():
            begun, start = self.progress.step - self.progress.epoch * self.epoch_steps, time.monotonic()
            order = batches(len(self.data.train), self.given.batch_size, self.progress.epoch, self.given.seed)
            for number, batch in enumerate(islice(order, begun, None), begun + 1):
                self.step(batch)
                if number % PULSE == 0 and self.ends():
                    return
                if self.progress.step % self.given.checkpoint_steps == 0 and number < self.epoch_steps:
                    self.save()
            self.end_epoch((self.epoch_steps - begun) * self.given.batch_size, start)
            if self.ends():
                return

    def step(self, batch: Tensor) -> None:
        """Learn from a batch."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        # So what is drawn in a step, by a dropout for one, is the same after an interruption.
        torch.manual_seed((self.given.seed << 32) + self.progress.step * self.place.world + self.place.rank)
        for number, rows in enumerate(parts(batch, self.place, self.given.accumulate), 1):
            with self.quiet(last=number == self.given.accumulate):
                loss = self.loss(*self.data.train.take(rows, self.place.device)) / self.given.accumulate
                loss.backward()
            self.losses += loss.detach()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.given.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.step += 1

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of some images."""
        with self.precision():
            scores = self.model(images)
        return cross_entropy(scores.float(), labels)

    def precision(self) -> torch.autocast:
        """Matrices are multiplied in bfloat16, if asked; what needs the precision of float32 keeps it."""
        return torch.autocast(self.place.device.type, torch.bfloat16, enabled=self.given.precision == "bfloat16")

    def quiet(self, *, last: bool) -> AbstractContextManager[None]:
        """Keep gradients to oneself until the last part of a batch."""
        joined = isinstance(self.model, DistributedDataParallel) and not last
        return self.model.no_sync() if joined else nullcontext()

    def rate(self) -> float:
        """Learning rate: up in a line, down in a cosine. https://arxiv.org/abs/1608.03983"""
        steps = self.given.epochs * self.epoch_steps
        warmup = round(self.given.warmup_share * steps)
        if self.progress.step < warmup:
            return self.given.learning_rate * (self.progress.step + 1) / warmup
        done = (self.progress.step - warmup) / max(1, steps - warmup)
        return self.given.learning_rate * (1 + math.cos(math.pi * done)) / 2

    def end_epoch(self, images: int, start: float) -> None:
        """Measure the epoch, keep its weights if they are the best, and save a checkpoint."""
        train_loss = float(self.place.total(self.losses)) / (self.place.world * self.epoch_steps)
        seconds = time.monotonic() - start  # reading the loss has waited for the device
        loss, accuracy = self.validate()
        self.demand_finite(train_loss, loss)
        self.progress.epoch += 1
        self.losses = torch.zeros_like(self.losses)
        if loss < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_epoch = loss, self.progress.epoch
            self.progress.best = checkpoint.on_cpu(self.network.state_dict())
        self.tell(f"train:loss={train_loss:.6f} validation:loss={loss:.6f} validation:accuracy={accuracy:.6f}")
        self.tell(f"images_per_second={images / seconds:.1f}")
        self.save()

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        """Mean loss and accuracy on the validation images, of which each process measures its share."""
        sums = torch.zeros(2, device=self.place.device)
        for rows in torch.arange(self.place.rank, len(self.data.validation), self.place.world).split(self.share):
            real = torch.arange(self.share) < len(rows)
            # The last batch is filled up: all have one shape.
            images, labels = self.data.validation.take(pad(rows, (0, self.share - len(rows))), self.place.device)
            with self.precision():
                scores = self.network(images).float()
            measured = torch.stack([cross_entropy(scores, labels, reduction="none"), scores.argmax(1) == labels])
            sums += (measured * real.to(self.place.device)).sum(1)
        loss, right = self.place.total(sums).tolist()
        return loss / len(self.data.validation), right / len(self.data.validation)

    def stalls(self) -> bool:
        """Whether the validation loss has not improved for as many epochs as patience says."""
        since = self.progress.epoch - self.progress.best_epoch
        return bool(self.given.patience and self.progress.best and since >= self.given.patience)

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
        if self.place.is_first:
            checkpoint.save(self.kept, self.progress, self.network, self.optimizer)

    def demand_finite(self, *losses: float) -> None:
        """Raise TrainingError for a loss that is no number any more."""
        if not all(map(math.isfinite, losses)):
            raise TrainingError(
                f"The loss is {losses[-1]} by step {self.progress.step}. Lower learning_rate, or look at the images."
            )

    def tell(self, text: str) -> None:
        """Log a line for all processes; names and values are what the job's metric definitions find."""
        if self.place.is_first:
            logger.info("[epoch %d, step %d] %s", self.progress.epoch, self.progress.step, text)
