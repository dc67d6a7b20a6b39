"""Data capture: requests and answers of an endpoint, written to S3 as JSON Lines by the model's role.

Reference: SageMaker developer guide, "Capture data from real-time endpoint" and API reference, DataCaptureConfig.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.sagemaker import transfer
from smproject.sandbox.sagemaker.hosting.containers import Access
from smproject.sandbox.sagemaker.hosting.variant import Place
from smproject.sandbox.service import ServiceError, now

LOG = logging.getLogger(__name__)
_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True)
class Exchange:
    """A request that a variant answered: its bodies, each with its content type."""

    variant: str
    sent: bytes
    sent_type: str
    answered: bytes
    answered_type: str
    inference_id: str = ""


class Capture:
    """Keeps a share of the exchanges and writes them in files, each of one variant and one hour."""

    def __init__(self, place: Place, config: dict[str, Any], role: str) -> None:
        self.place, self.config, self.role = place, config, role
        self.enabled = bool(config.get("EnableCapture", True))
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._waiting: list[tuple[str, datetime, str]] = []
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """Return the summary in the Describe response."""
        return {
            "EnableCapture": self.enabled,
            "CaptureStatus": "Started" if self.enabled else "Stopped",
            "CurrentSamplingPercentage": self.config["InitialSamplingPercentage"],
            "DestinationS3Uri": self.config["DestinationS3Uri"],
            "KmsKeyId": self.config.get("KmsKeyId", ""),
        }

    def keep(self, exchange: Exchange) -> None:
        """Keep an exchange, if it is one of the share."""
        if not self.enabled or _RANDOM.random() * 100 >= self.config["InitialSamplingPercentage"]:
            return
        moment = now()
        with self._lock:
            self._waiting.append((exchange.variant, moment, self._line(exchange, moment)))

    def flush(self) -> None:
        """Write what waits; a failure is logged, as the endpoint must not suffer from it."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        files: dict[str, list[str]] = {}
        for variant, moment, line in waiting:
            files.setdefault(f"{variant}/{moment:%Y/%m/%d/%H}", []).append(line)
        for folder, lines in files.items():
            try:
                self._write(folder, lines)
            except (ServiceError, ClientError, BotoCoreError) as error:
                LOG.warning("%s lost %d captured requests: %s", self.place.arn, len(lines), error)

    def _write(self, folder: str, lines: list[str]) -> None:
        bucket, prefix = transfer.location(self.config["DestinationS3Uri"])
        name = f"{now():%M-%S-%f}-{uuid.uuid4()}.jsonl"
        key = "/".join([*filter(None, [prefix.strip("/")]), self.place.endpoint, folder, name])
        s3 = Access.of(self.place.world, self.place.caller, self.role, self.place.arn).client("s3")
        encryption = transfer.encryption(self.config.get("KmsKeyId"))
        s3.put_object(Bucket=bucket, Key=key, Body="".join(lines).encode(), **encryption)

    def _line(self, exchange: Exchange, moment: datetime) -> str:
        data = {}
        if self._modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._side("INPUT", exchange.sent, exchange.sent_type)
        if self._modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._side("OUTPUT", exchange.answered, exchange.answered_type)
        metadata = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        if exchange.inference_id:
            metadata["inferenceId"] = exchange.inference_id
        return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"

    def _side(self, mode: str, body: bytes, kind: str) -> dict[str, str]:
        encoding = self._encoding(kind)
        text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
        return {"observedContentType": kind, "mode": mode, "data": text, "encoding": encoding}

    def _encoding(self, kind: str) -> str:
        """Return how a body is written: as text where the configuration lists its content type."""
        headers = self.config.get("CaptureContentTypeHeader", {})
        bare = kind.partition(";")[0].strip()
        if bare in headers.get("CsvContentTypes", []):
            return "CSV"
        return "JSON" if bare in headers.get("JsonContentTypes", []) else "BASE64"
