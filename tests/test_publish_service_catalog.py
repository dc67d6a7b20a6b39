"""Publishing into Service Catalog: portfolios, products and their versions, as boto3 and people see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from publishing import ACCOUNTS, HUB, Hub, Person, Repository, hub

from smproject.errors import DeploymentError
from smproject.publish import Publication, publish
from smproject.publishing.service_catalog import Choices, choices
from smproject.share import share

ROLE = "OrganizationAccountAccessRole"
DEVELOPMENT = ACCOUNTS["development"]
Publish = Callable[..., Publication]


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def publishes(engineer: Hub, repository: Repository) -> Publish:
    """Return a function that publishes the repository, published once already."""

    def run(chosen: Choices | None = None) -> Publication:
        return publish(engineer.session, None, engineer.tell, repository.root, chosen)

    run()
    return run


@pytest.fixture(scope="module")
def shared(engineer: Hub, repository: Repository, publishes: Publish) -> Hub:
    share(engineer.session, DEVELOPMENT, ROLE, engineer.tell, repository.root)
    return engineer


def launch_constraint(engineer: Hub, portfolio: str, product: str) -> dict[str, Any]:
    client, place = engineer.client("servicecatalog"), {"PortfolioId": engineer.portfolios()[portfolio]}
    place["ProductId"] = engineer.products(portfolio)[product]
    (found,) = client.list_constraints_for_portfolio(**place)["ConstraintDetails"]
    described = client.describe_constraint(Id=found["ConstraintId"])
    parameters: dict[str, Any] = json.loads(described["ConstraintParameters"])
    return {"Type": found["Type"], **parameters}


def test_templates_are_in_the_portfolio_that_their_manifest_names(engineer: Hub, publishes: Publish) -> None:
    assert set(engineer.portfolios()) == {"ML Admin", "SageMaker Projects"}
    assert set(engineer.products("ML Admin")) == {"setting"}
    assert set(engineer.products("SageMaker Projects")) == {"example"}


def test_studio_is_shown_the_products_of_projects_only(engineer: Hub, publishes: Publish) -> None:
    client = engineer.client("servicecatalog")
    projects, admin = engineer.products("SageMaker Projects")["example"], engineer.products("ML Admin")["setting"]
    visible = {"Key": "sagemaker:studio-visibility", "Value": "true"}
    assert visible in client.describe_product_as_admin(Id=projects)["Tags"]
    assert visible not in client.describe_product_as_admin(Id=admin)["Tags"]


def test_each_portfolio_has_its_people_and_its_launch_role(engineer: Hub, publishes: Publish) -> None:
    client, found = engineer.client("servicecatalog"), engineer.portfolios()
    people = {"ML Admin": "PlatformEngineer", "SageMaker Projects": "DataScientist"}
    for name, role in people.items():
        (principal,) = client.list_principals_for_portfolio(PortfolioId=found[name])["Principals"]
        assert principal["PrincipalARN"] == f"arn:aws:iam:::role/{role}"
    local = launch_constraint(engineer, "SageMaker Projects", "example")
    assert local == {"Type": "LAUNCH", "LocalRoleName": "SageMakerProjectTemplatesLaunchRole"}
    local = launch_constraint(engineer, "ML Admin", "setting")
    assert local == {"Type": "LAUNCH", "LocalRoleName": "SageMakerAdminTemplatesLaunchRole"}


def test_a_second_publish_does_nothing_and_says_so(engineer: Hub, publishes: Publish) -> None:
    before, versions = engineer.objects(), engineer.versions()
    again = publishes()
    assert not again.changed
    assert (again.uploads, again.updates) == ((), ())
    assert (engineer.objects(), engineer.versions()) == (before, versions)


def test_a_changed_template_is_a_new_version_and_old_ones_retire(
    engineer: Hub, publishes: Publish, repository: Repository
) -> None:
    admin = engineer.versions("setting", "ML Admin")
    count = len(engineer.versions())
    for value in ("second", "third"):
        repository.change(value)
        assert publishes().updates == ("example",)
    versions = engineer.versions()
    assert len(versions) == count + 2
    assert versions[-2:] == [(True, "DEPRECATED"), (True, "DEFAULT")]
    assert {active for active, _ in versions[:-2]} == {False}
    assert engineer.versions("setting", "ML Admin") == admin
    assert not publishes().changed


def test_a_template_that_comes_back_is_the_newest_version_again(
    engineer: Hub, publishes: Publish, repository: Repository
) -> None:
    for value in ("forth", "back", "forth"):
        repository.change(value)
        publishes()
    client = engineer.client("servicecatalog")
    found = client.list_provisioning_artifacts(ProductId=engineer.products("SageMaker Projects")["example"])
    names = [item["Name"] for item in found["ProvisioningArtifactDetails"]]
    assert len(names) == len(set(names))
    assert engineer.versions()[-2:] == [(True, "DEPRECATED"), (True, "DEFAULT")]
    assert not publishes().changed


def test_a_project_is_created_updated_from_the_version_before_and_deleted(
    shared: Hub, publishes: Publish, repository: Repository
) -> None:
    repository.change("early")
    publishes()
    sagemaker = shared.client("sagemaker", "development")
    product = shared.products("SageMaker Projects")["example"]
    made = sagemaker.create_project(ProjectName="catalogued", ServiceCatalogProvisioningDetails={"ProductId": product})
    assert shared.settled("catalogued")["ProjectStatus"] == "CreateCompleted"
    assert shared.kept(made["ProjectId"]) == "early"
    former = newest(shared, product)
    repository.change("late")
    publishes()
    with pytest.raises(sagemaker.exceptions.ClientError, match="deprecated"):
        sagemaker.create_project(
            ProjectName="behind",
            ServiceCatalogProvisioningDetails={"ProductId": product, "ProvisioningArtifactId": former},
        )
    sagemaker.update_project(ProjectName="catalogued", ServiceCatalogProvisioningUpdateDetails={})
    assert shared.settled("catalogued")["ProjectStatus"] == "UpdateCompleted"
    assert shared.kept(made["ProjectId"]) == "late"
    sagemaker.delete_project(ProjectName="catalogued")
    assert shared.settled("catalogued")["ProjectStatus"] == "DeleteCompleted"
    assert shared.kept(made["ProjectId"]) is None


def newest(engineer: Hub, product: str) -> str:
    found = engineer.client("servicecatalog").list_provisioning_artifacts(ProductId=product)
    ordered = sorted(found["ProvisioningArtifactDetails"], key=lambda item: item["CreatedTime"])
    return str(ordered[-1]["Id"])


def test_the_launch_role_may_be_named_by_its_arn_and_by_its_name_again(engineer: Hub, publishes: Publish) -> None:
    arn = f"arn:aws:iam::{ACCOUNTS[HUB]}:role/Launcher"
    assert publishes(choices(launch_role=arn)).changed
    assert launch_constraint(engineer, "SageMaker Projects", "example") == {"Type": "LAUNCH", "RoleArn": arn}
    assert not publishes().changed  # what is not named stays
    publishes(choices(launch_role="SageMakerProjectTemplatesLaunchRole"))
    local = launch_constraint(engineer, "SageMaker Projects", "example")
    assert local == {"Type": "LAUNCH", "LocalRoleName": "SageMakerProjectTemplatesLaunchRole"}


def test_tag_options_are_those_that_were_named(engineer: Hub, publishes: Publish) -> None:
    client = engineer.client("servicecatalog")

    def tags(portfolio: str) -> set[tuple[str, str]]:
        found = client.describe_portfolio(Id=engineer.portfolios()[portfolio])["TagOptions"]
        return {(item["Key"], item["Value"]) for item in found}

    first = publishes(choices(tags=["cost-center=1", "cost-center=2", "owner=risk"]))
    assert set(first.updates) == {"ml-admin", "sagemaker-projects"}
    assert (
        tags("ML Admin")
        == tags("SageMaker Projects")
        == {("cost-center", "1"), ("cost-center", "2"), ("owner", "risk")}
    )
    assert not publishes().changed
    assert not publishes(choices(tags=["cost-center=1", "cost-center=2", "owner=risk"])).changed
    assert publishes(choices(tags=["owner=risk"])).changed
    assert tags("SageMaker Projects") == {("owner", "risk")}
    with pytest.raises(DeploymentError, match="key=value"):
        choices(tags=["cost-center"])


# Calls after which a publish is cut off: each leaves something half-made.
CUTS = [
    ("s3", "PutObject"),
    ("cloudformation", "UpdateStack"),
    ("servicecatalog", "CreateProvisioningArtifact"),
    ("servicecatalog", "UpdateProvisioningArtifact"),
]


@pytest.mark.parametrize(("service", "operation"), CUTS, ids=[operation for _, operation in CUTS])
def test_an_interrupted_publish_is_ended_by_the_next(
    engineer: Hub, publishes: Publish, repository: Repository, service: str, operation: str
) -> None:
    repository.change(f"cut{operation.lower()}")
    count, session = len(engineer.versions()), engineer.session

    def cut(**_: Any) -> None:
        raise KeyboardInterrupt

    session.events.register(f"after-call.{service}.{operation}", cut)
    # A product's stack is updated too, so that there is an update to be cut off.
    chosen = choices(launch_role=f"Other{operation}")
    with pytest.raises(KeyboardInterrupt):
        publish(session, None, engineer.tell, repository.root, chosen)
    publishes(chosen)
    versions = engineer.versions()
    assert (len(versions), versions[-2:]) == (count + 1, [(True, "DEPRECATED"), (True, "DEFAULT")])
    assert not publishes(chosen).changed


def test_another_account_s_spoke_is_no_hub(shared: Hub, repository: Repository) -> None:
    spoke = boto3.Session(profile_name="development")
    with pytest.raises(DeploymentError, match=f"Account {DEVELOPMENT} isn't the hub"):
        publish(spoke, None, shared.tell, repository.root)


def test_a_denied_call_is_told_in_one_line_with_the_way_on(engineer: Hub, repository: Repository) -> None:
    person = Person(engineer.sandbox, HUB)
    keys = [person.keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", engineer.sandbox.endpoint)
        session = boto3.Session(*keys, "us-east-1")
        with pytest.raises(DeploymentError, match=r"ssm:GetParameter .* Ask for that permission") as refused:
            publish(session, None, engineer.tell, repository.root)
    assert "\n" not in str(refused.value)
