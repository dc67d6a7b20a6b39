"""The values of an objective, epoch by epoch, as a training job's log tells them."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker import metrics

LOG = logging.getLogger(__name__)
_GROUP = "/aws/sagemaker/TrainingJobs"


class Curves:
    """Reads objectives from CloudWatch Logs, where SageMaker finds them; `regex` is the metric's expression."""

    def __init__(self, logs: Any, regex: str) -> None:
        self._logs, self._regex = logs, regex

    def of(self, job: str) -> list[float]:
        """Return a training job's objectives so far, one for each epoch, as the first host tells them that tells any.

        There are none while the log can't be read: a job's role need not be allowed to write one.
        """
        try:
            found = self._logs.describe_log_streams(logGroupName=_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
            names = sorted(stream["logStreamName"] for stream in found)
            hosts = [list(streams) for _, streams in groupby(names, lambda name: name.rpartition("-")[0])]
            return next((values for streams in hosts if (values := self._values(streams))), [])
        except ClientError as error:
            LOG.info("%s tells no objectives: %s", job, error)
            return []

    def _values(self, streams: list[str]) -> list[float]:
        pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=_GROUP, logStreamNames=streams)
        text = "".join(event["message"] for page in pages for event in page["events"])
        return metrics.values(self._regex, text)
