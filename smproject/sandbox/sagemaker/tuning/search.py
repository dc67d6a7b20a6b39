"""The choice of hyperparameters, which is Optuna's. Importing it takes a while: import this where a job runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from smproject.sandbox.sagemaker.tuning.plan import Plan
from smproject.sandbox.sagemaker.tuning.ranges import Range

optuna.logging.set_verbosity(optuna.logging.WARNING)
_TRIES = 64  # to find hyperparameters that no training job has had
_RANDOM = 4  # Bayesian candidates before the first that is chosen by what was learned


@dataclass(frozen=True)
class Candidate:
    """Hyperparameters to try."""

    trial: optuna.Trial
    values: dict[str, str]


class Search:
    """Proposes candidates one by one, and learns what became of them, in any order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tried: list[dict[str, str]] = []
        self._space = {item.name: _distribution(item) for item in plan.ranges}
        self._study = optuna.create_study(
            sampler=_sampler(plan),
            pruner=_pruner(plan),
            direction="maximize" if plan.maximize else "minimize",
            study_name="tuning",  # Hyperband's brackets depend on it
        )
        if plan.strategy == "Grid":
            for values in itertools.product(*(item.values for item in plan.ranges)):
                self._study.enqueue_trial({item.name: value for item, value in zip(plan.ranges, values, strict=True)})

    def ask(self) -> Candidate:
        """Return the next candidate, a new one if it can be found."""
        found = self._ask()
        for _ in range(_TRIES):
            if found.values not in self._tried:
                break
            self._study.tell(found.trial, state=TrialState.FAIL)
            found = self._ask()
        self._tried.append(found.values)
        return found

    def _ask(self) -> Candidate:
        trial = self._study.ask(self._space)
        return Candidate(trial, {item.name: _text(item, trial.params[item.name]) for item in self._plan.ranges})

    def tell(self, candidate: Candidate, objective: float | None) -> None:
        """Learn a candidate's objective; None when it has none."""
        state = TrialState.FAIL if objective is None else TrialState.COMPLETE
        self._study.tell(candidate.trial, objective, state)

    def remember(self, values: dict[str, str], objective: float) -> None:
        """Learn what an earlier tuning job has found, as far as its values lie in the ranges."""
        found = {item.name: _value(item, values.get(item.name)) for item in self._plan.ranges}
        kept = {name: value for name, value in found.items() if value is not None}
        space = {name: self._space[name] for name in kept}
        self._study.add_trial(optuna.trial.create_trial(params=kept, distributions=space, value=objective))

    def gives_up(self, candidate: Candidate, epoch: int, objective: float) -> bool:
        """Tell whether Hyperband stops a candidate after an epoch, counted from 1."""
        candidate.trial.report(objective, epoch)
        return epoch >= self._plan.epochs[1] or candidate.trial.should_prune()


def _sampler(plan: Plan) -> optuna.samplers.BaseSampler:
    if plan.strategy == "Bayesian":
        # Candidates whose jobs still run count as bad ones, so that parallel jobs try different things.
        return optuna.samplers.TPESampler(seed=plan.seed, constant_liar=True, n_startup_trials=_RANDOM)
    return optuna.samplers.RandomSampler(plan.seed)


def _pruner(plan: Plan) -> optuna.pruners.BasePruner:
    if plan.strategy != "Hyperband":
        return optuna.pruners.NopPruner()
    least, most = plan.epochs
    return optuna.pruners.HyperbandPruner(min_resource=least, max_resource=most)


def _distribution(item: Range) -> BaseDistribution:
    if item.kind == "Categorical":
        return CategoricalDistribution(item.values)
    if item.kind == "Integer":
        return IntDistribution(int(item.low), int(item.high), log=item.scale == "Logarithmic")
    if item.scale == "ReverseLogarithmic":
        return FloatDistribution(1 - item.high, 1 - item.low, log=True)
    return FloatDistribution(item.low, item.high, log=item.scale == "Logarithmic")


def _value(item: Range, text: str | None) -> float | str | None:
    """Return a hyperparameter's value as Optuna has it; None for one that is not in the range."""
    if item.kind == "Categorical" or text is None:
        return text if text in item.values else None
    try:
        value = int(text) if item.kind == "Integer" else float(text)
    except ValueError:
        return None
    if not item.low <= value <= item.high:
        return None
    return min(max(1 - value, 1 - item.high), 1 - item.low) if item.scale == "ReverseLogarithmic" else value


def _text(item: Range, value: float | str) -> str:
    """Return a value as hyperparameters have it."""
    if item.scale == "ReverseLogarithmic":
        return str(min(max(1 - float(value), item.low), item.high))
    return str(value)
