"""Running a tuning job: training jobs are started, watched and judged until enough is known.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker.jobs import Jobs
from smproject.sandbox.sagemaker.tuning import launch
from smproject.sandbox.sagemaker.tuning.curves import Curves
from smproject.sandbox.sagemaker.tuning.search import Candidate, Search
from smproject.sandbox.sagemaker.tuning.stopping import EarlyStopping
from smproject.sandbox.sagemaker.tuning.tuning_job import Trial, TuningJob
from smproject.sandbox.service import ServiceError, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_ATTEMPTS = 5  # training jobs without success after which AWS gives up
Verdict = tuple[str, str]


class Tuner:
    """Runs one tuning job to its end."""

    def __init__(self, world: World, jobs: Jobs, tuning: TuningJob) -> None:
        self.world, self.jobs, self.tuning, self.plan = world, jobs, tuning, tuning.plan
        self.search = Search(self.plan)
        for parent in tuning.parents:
            self._remember(parent)
        self.running: list[tuple[Candidate, Trial]] = []
        self.stopping = self._early_stopping() if self.plan.stops_early or self.plan.strategy == "Hyperband" else None
        self._late = time.monotonic() + self.plan.seconds

    def run(self) -> None:
        """Tune until a limit, a criterion, a failure or a stop; the job's status tells which."""
        try:
            status, reason = self._tune()
        except (ServiceError, ClientError) as error:
            status, reason = "Failed", f"ClientError: {told(error)[1]}"
        except Exception as error:
            LOG.exception("tuning job %s failed in the sandbox", self.tuning.name)
            status, reason = "Failed", f"InternalServerError: the sandbox could not run the job: {error!r}"
        self._stop_training()
        self.tuning.end(status, reason)

    def _tune(self) -> Verdict:
        while True:
            self._learn()
            if verdict := self._verdict():
                return verdict
            self._start()
            self._stop_losers()
            self.tuning.stopping.wait(_POLL_SECONDS)

    def _remember(self, parent: TuningJob) -> None:
        fixed = parent.request["TrainingJobDefinition"].get("StaticHyperParameters", {})
        for trial in parent.trials:
            if trial.objective is not None:
                self.search.remember({**fixed, **trial.values}, trial.objective)

    def _learn(self) -> None:
        for candidate, trial in [item for item in self.running if item[1].ended]:
            self.running.remove((candidate, trial))
            self.search.tell(candidate, trial.objective)

    def _start(self) -> None:
        trials = self.tuning.trials
        while len(self.running) < self.plan.parallel and len(trials) < self.plan.jobs:
            candidate = self.search.ask()
            trials.append(launch.start(self.jobs, self.tuning, candidate.values))
            self.running.append((candidate, trials[-1]))
            self.world.touched("sagemaker", self.tuning.caller.account, "CreateTrainingJob")

    def _stop_losers(self) -> None:
        if self.stopping:
            for trial in self.stopping.losers(self.running, self.tuning.trials):
                self._stop(trial)

    def _stop(self, trial: Trial) -> None:
        with suppress(ServiceError):  # it has ended meanwhile
            self.jobs.stop_training_job(self.tuning.caller, {"TrainingJobName": trial.job.name})

    def _stop_training(self) -> None:
        """Stop the training jobs that still run, and wait for their end."""
        for _, trial in self.running:
            self._stop(trial)
        while not all(trial.ended for _, trial in self.running):
            time.sleep(_POLL_SECONDS)

    def _verdict(self) -> Verdict | None:
        """Return how the job ends, and why; None while it goes on."""
        if self.tuning.stopping.is_set():
            return "Stopped", ""
        if reason := self._failure():
            return "Failed", reason
        return ("Completed", "") if self._is_enough() else None

    def _failure(self) -> str:
        ended = [trial for trial in self.tuning.trials if trial.ended]
        count = len(ended)
        if count < min(_ATTEMPTS, self.plan.jobs) or any(trial.objective is not None for trial in ended):
            return ""
        if any(trial.status == "Completed" for trial in ended):
            regex = "as defined by the regular expression provided"
            return (
                f"No objective metrics found after running {count} training jobs. "
                f"Please ensure that the custom algorithm is emitting the objective metric {regex}."
            )
        return (
            f"No training job succeeded after {count} attempts. "
            "Please take a look at the training job failures to get more details."
        )

    def _is_enough(self) -> bool:
        best = self.tuning.best()
        return (
            (len(self.tuning.trials) >= self.plan.jobs and not self.running)
            or time.monotonic() > self._late
            or (best is not None and best.objective is not None and self.plan.reaches(best.objective))
            or self.tuning.not_improving() >= self.plan.patience
        )

    def _early_stopping(self) -> EarlyStopping:
        caller = self.tuning.caller
        logs = self.world.client("logs", self.world.service_credentials(caller.account), caller.region)
        metrics = self.tuning.request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
        regex = next(item["Regex"] for item in metrics if item["Name"] == self.plan.metric)
        return EarlyStopping(self.plan, self.search, Curves(logs, regex))
