"""Training jobs that are stopped before their end, as nothing good is to be expected of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from statistics import fmean, median

from smproject.sandbox.log import SECONDS
from smproject.sandbox.sagemaker.tuning.curves import Curves
from smproject.sandbox.sagemaker.tuning.plan import Plan
from smproject.sandbox.sagemaker.tuning.search import Candidate, Search
from smproject.sandbox.sagemaker.tuning.tuning_job import Trial


class EarlyStopping:
    """Looks at running training jobs after each of their epochs: by Hyperband's rule, or by the median rule."""

    def __init__(self, plan: Plan, search: Search, curves: Curves) -> None:
        self._plan, self._search, self._curves = plan, search, curves
        self._completed: dict[str, list[float]] = {}
        self._seen: dict[str, int] = {}  # epochs, by training job
        self._next_look = 0.0

    def losers(self, running: Iterable[tuple[Candidate, Trial]], ended: Iterable[Trial]) -> Iterator[Trial]:
        """Yield the training jobs to stop; looks as often only as logs grow."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + SECONDS
        for trial in ended:
            if trial.status == "Completed" and not self._completed.get(trial.job.name):
                self._completed[trial.job.name] = self._curves.of(trial.job.name)
        for candidate, trial in running:
            curve, seen = self._curves.of(trial.job.name), self._seen.get(trial.job.name, 0)
            self._seen[trial.job.name] = max(seen, len(curve))
            if any(self._is_lost(candidate, epoch, curve[epoch - 1]) for epoch in range(seen + 1, len(curve) + 1)):
                yield trial

    def _is_lost(self, candidate: Candidate, epoch: int, value: float) -> bool:
        if self._plan.strategy == "Hyperband":
            return self._search.gives_up(candidate, epoch, value)
        return worse_than_median(self._plan, epoch, value, self._completed.values())


def worse_than_median(plan: Plan, epoch: int, value: float, earlier: Iterable[list[float]]) -> bool:
    """Tell whether an objective is worse than the median of the running averages of completed jobs up to its epoch.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """
    averages = [fmean(curve[:epoch]) for curve in earlier if len(curve) >= epoch]
    return bool(averages) and plan.improves(median(averages), value)
