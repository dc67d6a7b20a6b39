"""`smproject estimate`: what it sums, what it assumes, what it leaves out, and how its prices are refreshed."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from catalogue import Catalogue
from click.testing import CliRunner
from policies import TEMPLATES, load, name, resources

from smproject import estimate as estimating
from smproject.cli import main
from smproject.estimate.prices import FILE, item


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["estimate", *arguments], env=env)
    return result.exit_code, result.output


def estimated(*arguments: str) -> dict[str, Any]:
    code, output = run(*arguments, "--output", "json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


def costs(*arguments: str) -> dict[str, float]:
    return {line["key"]: line["cost"] for line in estimated(*arguments)["lines"]}


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_template_is_estimated_and_every_resource_accounted_for(path: Path) -> None:
    found = estimated(path.parent.name)
    assert found["total"] == pytest.approx(sum(line["cost"] for line in found["lines"]), abs=0.01)
    keys = resources(load(path), "AWS::KMS::Key")
    assert {line["key"]: line["quantity"] for line in found["lines"]}.get("kms-key", 0) == len(keys)


def test_every_price_is_dated_sourced_and_of_a_known_thing() -> None:
    for region in yaml.safe_load(FILE.read_text())["regions"].values():
        for key, price in region.items():
            assert all(item(key)) and price["price"] > 0 and price["source"]
            assert date.fromisoformat(price["read"]) < date(2100, 1, 1)


def test_endpoints_are_charged_by_the_hour_as_the_files_of_the_stages_say() -> None:
    accounts = {"TargetsStagingAccountId": "111111111111", "TargetsProductionAccountId": "222222222222"}
    both = [each for pair in accounts.items() for each in ("--parameter", "=".join(pair))]
    for given, instances in ((both, 1 + 2), ([], 2)):
        hosted = costs("model-deploy", "--hours-per-month", "100", *given)["sagemaker-host-ml.m5.large"]
        assert hosted == pytest.approx(instances * 100 * 0.115)
    assert "sagemaker-host-ml.m5.large" not in costs("model-build")


def test_builds_and_jobs_follow_the_assumed_pushes() -> None:
    once = costs("model-build", "--assume", "pushes=1", "--assume", "build-minutes=7", "--assume", "job-minutes=60")
    assert once["codebuild-medium"] == pytest.approx(7 * 0.01)
    assert once["codepipeline-action"] == pytest.approx((7 + 1) * 0.002)
    assert once["sagemaker-processing-ml.m5.large"] == pytest.approx(2 * 0.115)
    assert once["sagemaker-training-ml.m5.large"] == pytest.approx(0.115)


@pytest.mark.parametrize(("accelerator", "instance"), [("cpu", "ml.m5.large"), ("gpu", "ml.g5.2xlarge")])
def test_a_template_s_choice_of_what_to_train_on_is_what_training_costs(accelerator: str, instance: str) -> None:
    for template in ("model-build-pytorch", "model-build-language", "model-build-workflow"):
        found = costs(template, "--parameter", f"Accelerator={accelerator}")
        assert [key for key in found if "training" in key] == [f"sagemaker-training-{instance}"]


def test_jobs_are_charged_where_they_run_and_not_where_they_are_built() -> None:
    jobs = {
        template: [key for key in costs(template) if re.match("sagemaker-(training|processing)", key)]
        for template in ("model-build-workflow", "model-build-tooling")
    }
    assert [len(each) for each in jobs.values()] == [2, 0]


def test_what_has_no_price_is_named_and_not_counted() -> None:
    found = estimated("model-build", "--parameter", "TrainingInstanceType=ml.m7i.4xlarge", "--assume", "job-minutes=60")
    assert any("20 hours of sagemaker-training-ml.m7i.4xlarge" in each for each in found["not_priced"])
    assert "AWS::SageMaker::ModelPackageGroup" in found["not_priced"]
    assert "sagemaker-training-ml.m7i.4xlarge" not in {line["key"] for line in found["lines"]}


def test_the_text_says_assumptions_omissions_and_the_age_of_the_prices() -> None:
    code, output = run("model-build")
    found = estimated("model-build")
    assert code == 0
    assert f"{found['total']:>10.2f}  total" in output
    assert "pushes: pushes to main" in output and "not priced" in output
    assert f"prices read {found['oldest_price']} to {found['newest_price']}" in output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("model-build", "--parameter", "NoSuch=1"), 1, "There is no parameter 'NoSuch'"),
        (("model-build", "--assume", "cats=1"), 1, "There is no assumption 'cats'"),
        (("model-build", "--region", "xx-none-1"), 1, "--refresh --region xx-none-1"),
        (("no-such",), 1, "smproject list"),
        (("model-build", "--parameter", "NoSuch"), 2, "NAME=VALUE"),
        (("model-build", "--assume", "pushes=many"), 2, "NAME=NUMBER"),
        ((), 2, "Name a template"),
    ],
)
def test_bad_input_is_refused_in_one_message(arguments: tuple[str, ...], code: int, told: str) -> None:
    result = run(*arguments)
    assert result[0] == code
    assert told in result[1] and "Traceback" not in result[1]


CONDITIONAL = """
    Description: One part

    Parameters:
      Encrypt:
        Type: String
        Description: Whether to encrypt.
        Default: "no"
        AllowedValues: ["yes", "no"]
      Stage:
        Type: String
        Description: A stage.
        Default: test

    Conditions:
      IsEncrypted: !Equals [!Ref Encrypt, "yes"]
      IsServed: !And [!Condition IsEncrypted, !Not [!Equals [!Ref Stage, test]]]
      IsEither: !Or [!Condition IsEncrypted, !Condition IsServed]

    Resources:
      PartKey: {Type: AWS::KMS::Key, Condition: IsEncrypted, Properties: {KeyPolicy: {}}}
      PartSecret: {Type: AWS::SecretsManager::Secret, Condition: IsServed}
      PartAlarm: {Type: AWS::CloudWatch::Alarm, Condition: IsEither}
    """


@pytest.mark.parametrize(
    ("parameters", "made"),
    [
        ({}, set()),
        ({"Encrypt": "yes"}, {"kms-key", "alarm"}),
        ({"Encrypt": "yes", "Stage": "production"}, {"kms-key", "secret", "alarm"}),
    ],
)
def test_only_what_the_parameters_make_is_counted(tmp_path: Path, parameters: dict[str, str], made: set[str]) -> None:
    template = Catalogue(tmp_path).template({"part": CONDITIONAL})
    template.path.write_text(template.fragment_path("part").read_text())
    found = estimating.estimate(template, "us-east-1", parameters, {})
    assert {line.key for line in found.lines} == made


class PriceList(BaseHTTPRequestHandler):
    """The Price List API, with one product a page: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference."""

    products: ClassVar[list[dict[str, Any]]] = []
    denies: ClassVar[bool] = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.denies:
            return self.answer(400, {"__type": "AccessDeniedException", "message": "no pricing:GetProducts"})
        wanted = {each["Field"]: (each["Type"], each["Value"]) for each in asked["Filters"]}
        found = [each for each in self.products if self.fits(each, asked["ServiceCode"], wanted)]
        start = int(asked.get("NextToken", 0))
        page = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(each) for each in found[start : start + 1]]}
        return self.answer(200, page | ({"NextToken": str(start + 1)} if start + 1 < len(found) else {}))

    @staticmethod
    def fits(product: dict[str, Any], service: str, wanted: dict[str, tuple[str, str]]) -> bool:
        attributes = product["product"]["attributes"]
        return product["serviceCode"] == service and all(
            attributes[field] == value if kind == "TERM_MATCH" else value in attributes[field]
            for field, (kind, value) in wanted.items()
        )

    def answer(self, status: int, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def product(service: str, usage: str, *tiers: tuple[int, str], region: str = "eu-west-1") -> dict[str, Any]:
    dimensions = {
        str(begin): {"beginRange": str(begin), "unit": "x", "pricePerUnit": {"USD": usd}} for begin, usd in tiers
    }
    attributes = {"usagetype": usage, "regionCode": region}
    terms = {"OnDemand": {"term": {"priceDimensions": dimensions}}, "Reserved": {}}
    return {"serviceCode": service, "product": {"attributes": attributes}, "terms": terms}


@pytest.fixture
def pricing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PriceList]]:
    monkeypatch.setattr(PriceList, "products", [])
    monkeypatch.setattr(PriceList, "denies", False)
    with ThreadingHTTPServer(("127.0.0.1", 0), PriceList) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for key, value in {
            "AWS_ENDPOINT_URL_PRICING": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "example",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }.items():
            monkeypatch.setenv(key, value)
        yield PriceList
        server.shutdown()


def test_refresh_writes_a_region_s_prices_and_estimates_use_them(tmp_path: Path, pricing: type[PriceList]) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(FILE.read_text())
    pricing.products[:] = [
        product("awskms", "eu-west-1-KMS-Keys", (0, "1.25")),
        product("AmazonS3", "EU-TimedStorage-ByteHrs", (51200, "0.02"), (0, "0.03")),
        product("AmazonS3", "EU-EarlyDelete-TimedStorage-ByteHrs", (0, "9")),
        product("AWSCodePipeline", "EU-actionExecutionMinute", (0, "0"), (100, "0.004")),
        product("AmazonSageMaker", "EU-Train:ml.m5.large", (0, "0.2")),
        product("awskms", "us-east-1-KMS-Keys", (0, "7"), region="us-east-1"),
    ]
    code, output = run("--refresh", "--region", "eu-west-1", "--prices", str(path))
    assert code == 0, output
    assert f"wrote 4 prices of eu-west-1 to {path}" in output
    written = yaml.safe_load(path.read_text())["regions"]
    assert {key: each["price"] for key, each in written["eu-west-1"].items()} == {
        "codepipeline-action": 0.004,
        "kms-key": 1.25,
        "s3-storage": 0.03,
        "sagemaker-training-ml.m5.large": 0.2,
    }
    assert all("Price List API" in each["source"] for each in written["eu-west-1"].values())
    assert written["us-east-1"] == yaml.safe_load(FILE.read_text())["regions"]["us-east-1"]
    assert path.read_text().startswith("# Public prices")
    assert costs("model-build", "--region", "eu-west-1", "--prices", str(path))["kms-key"] == 1.25


def test_a_region_without_prices_leaves_the_file_as_it_was(tmp_path: Path, pricing: type[PriceList]) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(FILE.read_text())
    code, output = run("--refresh", "--region", "xx-none-1", "--prices", str(path))
    assert (code, "has no price for xx-none-1" in output) == (1, True)
    pricing.denies = True
    code, output = run("--refresh", "--region", "eu-west-1", "--prices", str(path))
    assert (code, "AWS refused to tell its prices" in output) == (1, True)
    assert path.read_text() == FILE.read_text()
