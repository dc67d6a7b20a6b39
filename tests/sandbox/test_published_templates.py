"""Templates that nobody here wrote: AWS's quick starts, as cfn-lint's source distribution carries them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest
from harness import Sandbox
from published import Outcome, Publisher
from stacks import Stacks

# IAM, VPCs with network ACLs, logging with trails, Config's rules with functions of their own, a function that polls.
WHOLE = (
    *("config-rules.json", "iam.json", "lambda-poller.yaml", "nist_config_rules.yaml", "nist_iam.yaml"),
    *("nist_logging.yaml", "nist_vpc_production.yaml", "vpc.json"),
)
TOLD = {
    # AWS says so too: a managed policy that is no more, zones of another region, buckets of others, an empty default.
    "nist_application.yaml": "invalid CIDR subnet specification",
    "openshift.yaml": "The specified bucket does not exist",
    "cis_benchmark.yaml": "AWSCloudTrailReadOnlyAccess does not exist or is not attachable",
    "nat-instance.json": "The subnet ID '' does not exist",
    "nist_high_main.yaml": "The specified bucket does not exist",
    "nist_vpc_management.yaml": "Value (us-west-1c) for parameter availabilityZone is invalid",
    "openshift_master.yaml": "The specified bucket does not exist",
    "vpc-management.json": "Value (us-west-1c) for parameter availabilityZone is invalid",
    # An engine that is no more, and exports of stacks that are not there.
    "rds-cluster.yaml": "Engine 'aurora' is not supported",
    "test.yaml": "No export named MyApp:config:env found",
    # Nothing runs on an instance: nobody signals.
    "watchmaker.json": "WatchmakerInstance: waits for signals",
}
FOLDERS = ("test/fixtures/templates/quickstart/", "test/fixtures/templates/public/")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of each template by its name."""
    folder, name = tmp_path_factory.mktemp("published"), f"cfn-lint=={version('cfn-lint')}"
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "cfn-lint"]
    subprocess.run([*download, "--dest", str(folder), name], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        members = [each for each in opened.getmembers() if any(part in each.name for part in FOLDERS)]
        files = {Path(each.name).name: opened.extractfile(each) for each in members if each.isfile()}
        texts = {name: file.read().decode() for name, file in files.items() if file}
    return {name: text for name, text in texts.items() if "Resources" in text and not name.endswith((".py", ".md"))}


@pytest.fixture(scope="module")
def outcomes(sandbox: Sandbox, published: dict[str, str]) -> dict[str, Outcome]:
    publisher = Publisher(Stacks(sandbox))
    return {name: publisher.deploy(template) for name, template in published.items()}


def test_they_deploy_whole_or_fail_with_a_reason(outcomes: dict[str, Outcome]) -> None:
    assert len(outcomes) > 15
    assert not {name: str(outcome) for name, outcome in outcomes.items() if outcome.is_bug}


@pytest.mark.parametrize("name", WHOLE)
def test_it_deploys_whole_and_is_deleted_without_leftovers(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.status == "CREATE_COMPLETE", str(outcome)
    assert outcome.deleted == "DELETE_COMPLETE"
    assert not outcome.left_out


@pytest.mark.parametrize("name", TOLD)
def test_it_fails_for_the_reason_that_it_tells(outcomes: dict[str, Outcome], name: str) -> None:
    assert TOLD[name] in str(outcomes[name])
