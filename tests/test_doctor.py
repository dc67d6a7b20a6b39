"""The doctor: each check finds what it is for, its command or `--fix` mends that, and then it finds nothing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from doctor_faults import BREAKS, MENDS
from doctoring import DEVELOPMENT, ROLE, Clinic, Patient
from publishing import ACCOUNTS, BUCKET, HUB, SMPROJECT, Person, hub

from smproject import catalog
from smproject.cli import main
from smproject.doctor import examination, roles
from smproject.doctor.checks import CHECKS, PAGE, page
from smproject.doctor.examination import Asked, examine, mend, places
from smproject.doctor.expected import ARNS, differences
from smproject.doctor.findings import SEVERITIES, Finding
from smproject.errors import DeploymentError
from smproject.looking import reading

NOTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}'
HOW_TO = PAGE.parents[1] / "how-to" / "doctor.md"


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with hub(tmp_path_factory.mktemp("hub")) as running:
        made = Clinic(running, Patient(tmp_path_factory.mktemp("repository")))
        made.publish()
        made.share()
        made.create_project()
        made.create_domain()
        yield made


def test_before_anything_is_published_the_doctor_says_so(clinic: Clinic) -> None:
    with pytest.raises(DeploymentError, match="Run: smproject publish"):
        places(boto3.Session(profile_name="staging"), Asked(ROLE), clinic.repository.root)


def test_a_healthy_catalogue_has_notes_at_most(clinic: Clinic) -> None:
    found = clinic.findings()
    assert [str(each) for each in found if each.is_open] == []
    assert [each.what for each in found] == ["the quotas of portfolios and products are not readable here."]
    assert [each.account for each in clinic.places()] == [ACCOUNTS[HUB], DEVELOPMENT]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_fault_is_found_and_mended_by_its_fix_or_by_its_command(clinic: Clinic, check: Any) -> None:
    BREAKS[check.id](clinic)
    (found,) = clinic.findings(check.id)
    assert (found.check, found.severity) == (check.id, check.severity)
    assert bool(found.fix) == check.fixes
    told: list[str] = []
    if found.fix:
        assert mend([found], told.append) == [found]
        assert len(told) == 1 and check.id in told[0]
    elif check.id in MENDS:
        MENDS.pop(check.id)(clinic)
    else:
        clinic.run(found)
    assert [str(each) for each in clinic.findings(check.id)] == []


@pytest.mark.parametrize("check", [each for each in CHECKS if each.fixes], ids=lambda check: check.id)
def test_what_a_fix_does_its_command_does_too(clinic: Clinic, check: Any) -> None:
    BREAKS[check.id](clinic)
    (found,) = clinic.findings(check.id)
    clinic.run(found)
    assert clinic.findings(check.id) == []


def test_each_check_is_broken_by_a_test_and_documented() -> None:
    assert {each.id for each in CHECKS} == set(BREAKS)
    assert len({each.id for each in CHECKS}) == len(CHECKS)
    assert PAGE.read_text() == page(), "Run: python -m smproject.doctor.checks"
    for check in CHECKS:
        assert check.severity in SEVERITIES
        assert check.title.endswith(".") and check.url.startswith("https://docs.aws.amazon.com/")


def test_a_fix_leaves_alone_what_others_have_set(clinic: Clinic) -> None:
    s3 = clinic.client("s3")
    theirs = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://portal.example.com"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [theirs]})
    mend(clinic.findings("bucket-cors"), clinic.hub.tell)
    rules = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert len(rules) == 2
    assert ["https://portal.example.com"] in [rule["AllowedOrigins"] for rule in rules]
    assert clinic.findings("bucket-cors") == []


@pytest.mark.parametrize("policy", ["stacks", "studio-access"])
def test_the_command_gives_a_role_the_policy_that_it_had(clinic: Clinic, policy: str) -> None:
    iam, role = clinic.client("iam", "development"), "SageMakerAdminTemplatesLaunchRole"
    had = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=NOTHING)
    places_ = [each for each in clinic.places() if not each.is_hub]
    commands = roles.commands(places_[0], role, "LaunchAdminRole")
    clinic.run(Finding("", "", DEVELOPMENT, "", commands))
    now = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    assert differences(had, now) == ([], [])


def test_the_doctor_can_resolve_what_the_templates_it_compares_with_refer_to() -> None:
    for name in ("launch-role", "catalog-bucket"):
        content = reading.read(catalog.template(name).path)["Resources"]
        functions = {key for each in reading.mappings(content) for key in each if key.startswith("Fn::")}
        assert functions <= {"Fn::GetAtt", "Fn::Sub"}
        asked = [each["Fn::GetAtt"] for each in reading.mappings(content) if "Fn::GetAtt" in each]
        assert all(part == "Arn" and content[logical]["Type"] in ARNS for logical, part in asked)


def test_a_domain_that_offers_another_catalogue_is_a_note(clinic: Clinic) -> None:
    sagemaker = clinic.client("sagemaker", "development")
    (domain,) = sagemaker.list_domains()["Domains"]
    tag = {"Key": "sagemaker:projectS3TemplatesLocation", "Value": "s3://theirs/projects/"}
    sagemaker.add_tags(ResourceArn=domain["DomainArn"], Tags=[tag])
    (found,) = clinic.findings("domain-templates")
    assert not found.is_open and "s3://theirs/projects/" in found.what
    clinic.run(found)


def test_a_check_that_may_not_be_made_names_the_permission(clinic: Clinic) -> None:
    person = Person(clinic.hub.sandbox, HUB)
    person.allow("*", "*")
    person.deny("s3:GetBucketVersioning", "*")
    with clinic.as_person(person) as session:
        where = places(session, Asked(ROLE), clinic.repository.root)
        (found,) = examine(where, [each for each in CHECKS if each.id == "bucket-versioning"])
    assert found.is_open
    assert f"assumed-role/{person.name}" in found.what and "may not do s3:GetBucketVersioning" in found.what


def test_accounts_of_a_unit_are_looked_at(clinic: Clinic) -> None:
    organizations, catalog = clinic.client("organizations"), clinic.client("servicecatalog")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
    staging = ACCOUNTS["staging"]
    organizations.move_account(AccountId=staging, SourceParentId=root, DestinationParentId=unit)
    catalog.enable_aws_organizations_access()
    for portfolio in clinic.hub.portfolios().values():
        node = {"Type": "ORGANIZATIONAL_UNIT", "Value": unit}
        catalog.create_portfolio_share(PortfolioId=portfolio, OrganizationNode=node, SharePrincipals=True)
    found = [each for each in clinic.findings() if each.account == staging]
    assert {(each.check, each.command) for each in found if each.is_open} == {
        ("stack-state", f"smproject share --ou {unit}")
    }
    for portfolio in clinic.hub.portfolios().values():
        catalog.delete_portfolio_share(PortfolioId=portfolio, OrganizationNode=node)


@pytest.fixture
def of_clinic(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """Let the command look at the clinic's repository instead of this one."""
    monkeypatch.setattr(examination, "places", partial(places, root=clinic.repository.root))
    return clinic


def doctor(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["doctor", "--profile", HUB, *options])
    return done.exit_code, done.stdout


def test_the_command_tells_people_mends_and_ends_with_its_status(of_clinic: Clinic) -> None:
    BREAKS["bucket-cors"](of_clinic)
    BREAKS["bucket-versioning"](of_clinic)
    code, told = doctor()
    assert code == 1
    line = next(each for each in told.splitlines() if "bucket-versioning" in each)
    assert line.startswith(f"error   {ACCOUNTS[HUB]} bucket-versioning: ")
    assert "Run: aws s3api put-bucket-versioning --bucket" in line
    code, told = doctor("--fix", "--output", "json")
    answer = json.loads(told)
    assert code == 1
    assert [each["check"] for each in answer["mended"]] == ["bucket-cors"]
    assert [each["check"] for each in answer["findings"] if each["severity"] != "note"] == ["bucket-versioning"]
    of_clinic.run(of_clinic.findings("bucket-versioning")[0])
    assert doctor()[0] == 0


def test_one_project_can_be_asked_for(of_clinic: Clinic) -> None:
    BREAKS["project-tags"](of_clinic)
    assert doctor("--project", of_clinic.project)[0] == 1
    assert doctor("--project", of_clinic.project, "--account", DEVELOPMENT, "--fix")[0] == 0
    code, _ = doctor("--project", "nobody")
    assert code == 1


def test_what_is_no_account_is_refused(clinic: Clinic) -> None:
    assert doctor("--account", "12")[0] == 2


def test_without_the_extra_that_knows_handlers_a_note_says_so(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smproject.sandbox.cloudformation.schemas", None)
    roles._needs.cache_clear()
    monkeypatch.delattr("smproject.sandbox.cloudformation.schemas", raising=False)
    found = clinic.findings("launch-role-permissions")
    assert {(each.severity, each.command) for each in found} == {
        ("note", "pip install 'sagemaker-project-templates[sandbox]'")
    }


def test_what_aws_refuses_to_mend_does_not_keep_the_rest_from_being_mended(clinic: Clinic) -> None:
    BREAKS["bucket-cors"](clinic)
    BREAKS["product-visibility"](clinic)
    person = Person(clinic.hub.sandbox, HUB)
    person.allow("*", "*")
    person.deny("servicecatalog:UpdateProduct", "*")
    told: list[str] = []
    with clinic.as_person(person) as session:
        where = places(session, Asked(ROLE), clinic.repository.root)
        done = mend(list(examine(where)), told.append)
    assert [each.check for each in done] == ["bucket-cors"]
    assert any(line.startswith("refused") and "servicecatalog:UpdateProduct" in line for line in told)
    mend(clinic.findings("product-visibility"), told.append)


def test_the_commands_of_the_page_run(of_clinic: Clinic) -> None:
    commands = re.findall(r"^smproject (doctor.*?)(?: +#.*)?$", HOW_TO.read_text(), re.MULTILINE)
    assert len(commands) > 3
    for command in commands:
        done = CliRunner().invoke(main, [*shlex.split(command), "--profile", HUB])
        assert done.exit_code == 0, (command, done.output)


def test_expired_credentials_are_told_in_one_line(clinic: Clinic, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "ASIAEXPIRED000000000", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
    environment = {**clinic.hub.sandbox.environment(HUB), **keys, "AWS_ENDPOINT_URL": clinic.hub.sandbox.endpoint}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1"}
    del environment["AWS_PROFILE"]
    done = subprocess.run([SMPROJECT, "doctor"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Sign in again" in done.stderr
