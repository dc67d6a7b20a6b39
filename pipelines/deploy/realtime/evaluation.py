"""What a person reads before approving: the metrics in one line, and the link to the report."""

from typing import Any

from pipelines.deploy.realtime.errors import DeployError
from pipelines.deploy.realtime.storage import split

CONSOLES = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


def summary(evaluation: Any, source: str) -> str:
    """The metrics of evaluation.json by name, and on how many rows they were measured."""
    groups = [group for name, group in evaluation.items() if name.endswith("_metrics")] if evaluation else []
    if len(groups) != 1:
        raise DeployError(f"{source} has {len(groups)} groups of metrics; one is expected. Register the model anew.")
    values = [f"{name} {entry['value']:.4g}" for name, entry in groups[0].items() if "value" in entry]
    rows = evaluation.get("dataset", {}).get("item_count")
    return ", ".join(values) + (f" on {rows} test rows" if rows else "")


def report_link(report_uri: str, region: str, partition: str) -> str:
    """Page of the report in the S3 console of a partition."""
    bucket, key = split(report_uri)
    console = CONSOLES.get(partition, CONSOLES["aws"]).format(region=region)
    return f"{console}/s3/object/{bucket}?region={region}&prefix={key}"
