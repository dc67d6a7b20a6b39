"""An endpoint as its test sees it: through sagemaker-runtime, with the test role of the endpoint's account."""

import csv
import io
import json
import time
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipelines.deploy.realtime.golden import Golden, Prediction
from pipelines.deploy.realtime.settings import StageUnderTest

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"

Record = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An error of the model's container: its HTTP status, and what it said."""

    status: int
    message: str


class Endpoint:
    """Invokes one endpoint; `client` is one of sagemaker-runtime."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def invoke(self, body: str, content_type: str) -> str:
        """The answer's body; ClientError when the endpoint or its model refuses."""
        found = self._client.invoke_endpoint(
            EndpointName=self.name, Body=body.encode(), ContentType=content_type, Accept=content_type
        )
        return str(found["Body"].read().decode())

    def predictions(self, records: list[Record], content_type: str, golden: Golden) -> list[Prediction]:
        """Predictions of records, sent in a format, of the columns and the kind of the golden ones."""
        if content_type == CSV:
            answer = self.invoke(to_csv(records, golden.names), CSV)
            rows = csv.reader(io.StringIO(answer, newline=""))
            return [",".join(row) if golden.answers else [float(value) for value in row] for row in rows]
        if content_type == JSON_LINES:
            answer = self.invoke("".join(json.dumps(record) + "\n" for record in records), JSON_LINES)
            return [prediction_of(json.loads(line)) for line in answer.split("\n") if line]
        answer = self.invoke(json.dumps({"instances": records}), JSON)
        return [prediction_of(each) for each in json.loads(answer)["predictions"]]

    def refusal(self, body: str, content_type: str) -> Refusal | None:
        """How the model refuses a request; None when it answers. Other errors pass through."""
        try:
            self.invoke(body, content_type)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ModelError":
                raise
            response: dict[str, Any] = error.response
            return Refusal(int(response["OriginalStatusCode"]), str(response["OriginalMessage"]))
        return None

    def latencies(self, records: list[Record], count: int) -> list[float]:
        """Milliseconds of `count` requests of one record each, one after the other, warmed up before."""
        bodies = [json.dumps({"instances": [record]}) for record in records]
        for body in bodies:
            self.invoke(body, JSON)
        taken = []
        for number in range(count):
            started = time.perf_counter()
            self.invoke(bodies[number % len(bodies)], JSON)
            taken.append((time.perf_counter() - started) * 1000)
        return taken


def prediction_of(told: dict[str, Any]) -> Prediction:
    """The text of a prediction, or all its scores; a model with one alone gives no list of them."""
    found: Prediction = told["answer"] if "answer" in told else told.get("scores") or [told["score"]]
    return found


def to_csv(records: list[Record], columns: list[str]) -> str:
    """Rows of values in the order of the columns, no header; nothing stands for a missing value."""
    text = io.StringIO()
    rows = ([record[name] for name in columns] for record in records)
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def connect(tested: StageUnderTest) -> Endpoint:
    """The stage's endpoint, with the credentials of the role in its account that may invoke it."""
    session = boto3.Session(region_name=tested.region)
    partition = session.get_partition_for_region(tested.region)
    assumed = session.client("sts").assume_role(
        RoleArn=f"arn:{partition}:iam::{tested.account_id}:role/sagemaker-{tested.project_id}-test",
        RoleSessionName=f"deploy-test-{tested.stage}",
    )
    client = session.client(
        "sagemaker-runtime",
        aws_access_key_id=assumed["Credentials"]["AccessKeyId"],
        aws_secret_access_key=assumed["Credentials"]["SecretAccessKey"],
        aws_session_token=assumed["Credentials"]["SessionToken"],
    )
    return Endpoint(client, tested.model_package_group_name)
