"""The Studio domain and the user profile of the catalogue: made, used, updated and deleted in a sandbox."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS), str(TESTS / "sandbox")]

from durable import Durable  # noqa: E402
from harness import ACCOUNTS, Sandbox, settled  # noqa: E402
from persons import denial  # noqa: E402
from stacks import Stacks  # noqa: E402
from studio import DOMAIN, LAUNCH, NAMED, PROFILE, Domain, Persona, left, network, offered, person  # noqa: E402
from workbench import Workbench  # noqa: E402

JOB = {
    "AlgorithmSpecification": {"TrainingImage": "222222222222.dkr.ecr.us-east-1.amazonaws.com/none:1",
                               "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://nobody/s"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}  # fmt: skip
ANY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
USER_POLICY = "SageMakerProjectTemplatesUser"
SMALL = """
Parameters: {SageMakerProjectName: {Type: String}, SageMakerProjectId: {Type: String}}
Resources:
  It:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "/sagemaker-projects/${SageMakerProjectId}/it", Type: String, Value: v}
"""


def role(domain: Domain, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNTS['development']}:role/studio-{domain.id}-{name}"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    server = Durable(tmp_path_factory.mktemp("studio"))
    try:
        yield server.up()
    finally:
        server.down()


@pytest.fixture(scope="module")
def domain(sandbox: Sandbox) -> Domain:
    return Domain(sandbox, StudioDomainTemplatesLocation="s3://templates/projects/")


def test_a_domain_is_private_encrypted_and_shuts_down_what_is_idle(sandbox: Sandbox, domain: Domain) -> None:
    found = domain.described()
    assert (found["Status"], found["AuthMode"], found["AppNetworkAccessType"]) == ("InService", "IAM", "VpcOnly")
    assert sorted(found["SubnetIds"]) == sorted(domain.given["StudioNetworkSubnetIds"].split(","))
    assert found["VpcId"] == domain.given["StudioNetworkVpcId"]
    key = sandbox.client("kms").describe_key(KeyId=found["KmsKeyId"])["KeyMetadata"]
    assert (key["Arn"], key["KeyManager"]) == (domain.outputs["StudioKeyOwnArn"], "CUSTOMER")
    settings = found["DomainSettings"]
    assert settings["DockerSettings"] == {"EnableDockerAccess": "DISABLED"}
    assert settings["ExecutionRoleIdentityConfig"] == "USER_PROFILE_NAME"
    defaults = found["DefaultUserSettings"]
    assert (defaults["StudioWebPortal"], defaults["DefaultLandingUri"]) == ("ENABLED", "studio::")
    assert defaults["SharingSettings"] == {"NotebookOutputOption": "Disabled"}
    for application in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        idle = defaults[application]["AppLifecycleManagement"]["IdleSettings"]
        assert (idle["LifecycleManagement"], int(idle["IdleTimeoutInMinutes"])) == ("ENABLED", 120)
    assert defaults["ExecutionRole"] == domain.outputs["StudioExecutionRoleArn"]
    assert "HomeEfsFileSystemId" not in found


def test_its_group_lets_out_https_and_its_members_and_lets_in_its_members_only(
    sandbox: Sandbox, domain: Domain
) -> None:
    group = domain.outputs["StudioNetworkSecurityGroupId"]
    [found] = sandbox.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    own = [(rule["FromPort"], [pair["GroupId"] for pair in rule["UserIdGroupPairs"]])
           for rule in found["IpPermissions"]]  # fmt: skip
    assert own == [(8192, [group])]
    out = {(rule["FromPort"], *[each["CidrIp"] for each in rule["IpRanges"]]) for rule in found["IpPermissionsEgress"]}
    assert out == {(443, "0.0.0.0/0"), (8192,)}


def test_studio_offers_projects(sandbox: Sandbox, domain: Domain) -> None:
    sagemaker = sandbox.client("sagemaker")
    assert sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"] == "Enabled"
    tags = sagemaker.list_tags(ResourceArn=domain.outputs["StudioDomainArn"])["Tags"]
    assert {"Key": "sagemaker:projectS3TemplatesLocation", "Value": "s3://templates/projects/"} in tags


def test_a_person_opens_studio_with_the_role_of_the_persona(sandbox: Sandbox, domain: Domain) -> None:
    stack = domain.profile("ann", "data-scientist")
    sagemaker, known = sandbox.client("sagemaker"), {"DomainId": domain.id, "UserProfileName": "ann"}
    found = sagemaker.describe_user_profile(**known)
    assert found["Status"] == "InService"
    assert found["UserSettings"]["ExecutionRole"] == domain.outputs["StudioPersonaDataScientistRoleArn"]
    url = sagemaker.create_presigned_domain_url(**known)["AuthorizedUrl"]
    assert url.startswith(f"https://{domain.id}.studio.us-east-1.sagemaker.aws/auth?token=")
    assert url != sagemaker.create_presigned_domain_url(**known)["AuthorizedUrl"]
    assert sagemaker.list_apps(DomainIdEquals=domain.id)["Apps"] == []
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=found["UserProfileArn"])["Tags"]}
    assert (tags["cost-center"], tags["team"], tags["persona"]) == ("4711", "churn", "data-scientist")
    assert domain.stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.create_presigned_domain_url(**known)


@pytest.mark.parametrize(
    ("persona", "hidden"), [("ml-engineer", False), ("approver", True), ("viewer", True)]
)  # fmt: skip
def test_who_builds_nothing_is_shown_no_application(domain: Domain, persona: str, hidden: bool) -> None:
    stack = domain.profile(f"one-{persona}", persona)
    sagemaker = domain.sandbox.client("sagemaker")
    found = sagemaker.describe_user_profile(DomainId=domain.id, UserProfileName=f"one-{persona}")["UserSettings"]
    assert found["ExecutionRole"].endswith(f":role/studio-{domain.id}-{persona}")
    assert ("JupyterLab" in found["StudioWebPortalSettings"]["HiddenAppTypes"]) is hidden
    domain.stacks.delete(stack["StackId"])


def test_an_application_is_refused_where_nothing_runs(sandbox: Sandbox, domain: Domain) -> None:
    start = {"DomainId": domain.id, "SpaceName": "lab", "AppName": "default", "AppType": "JupyterLab"}
    with pytest.raises(ClientError, match="runs no JupyterLab"):
        sandbox.client("sagemaker").create_app(**start)


@pytest.fixture(scope="module")
def inference(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How a version would be served."""
    image = {"Image": Workbench(sandbox, tmp_path_factory.mktemp("image")).image}
    return {"Containers": [image], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}


@pytest.fixture(scope="module")
def version(sandbox: Sandbox, inference: dict[str, Any]) -> str:
    """A version that waits for a decision."""
    sagemaker = sandbox.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    made = sagemaker.create_model_package(ModelPackageGroupName="churn", InferenceSpecification=inference,
                                          ModelApprovalStatus="PendingManualApproval")  # fmt: skip
    return str(made["ModelPackageArn"])


@pytest.mark.parametrize("name", ["data-scientist", "ml-engineer", "viewer"])
def test_nobody_but_an_approver_approves(domain: Domain, version: str, name: str) -> None:
    sagemaker = domain.persona(name).client("sagemaker")
    shown = sagemaker.describe_model_package(ModelPackageName=version)
    assert shown["ModelApprovalStatus"] == "PendingManualApproval"
    denial(lambda: sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved"))


def test_an_approver_decides_and_builds_nothing(domain: Domain, version: str) -> None:
    sagemaker = domain.persona("approver").client("sagemaker")
    sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus="Rejected")
    assert sagemaker.describe_model_package(ModelPackageName=version)["ModelApprovalStatus"] == "Rejected"
    told = denial(
        lambda: sagemaker.create_training_job(TrainingJobName="mine", RoleArn=role(domain, "approver"), **JOB)
    )
    assert "explicit deny" in told
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    search = {"Strategy": "Random", "ResourceLimits": limits}
    definition = {**JOB, "RoleArn": role(domain, "approver")}
    told = denial(
        lambda: sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="mine",
            HyperParameterTuningJobConfig=search,
            TrainingJobDefinition=definition,
        )
    )
    assert "explicit deny" in told
    denial(lambda: sagemaker.start_pipeline_execution(PipelineName="churn"))


def test_searches_are_seen_by_everybody_and_stopped_by_who_builds(domain: Domain) -> None:
    none = {"HyperParameterTuningJobName": "none"}
    for name in ("viewer", "data-scientist"):
        sagemaker = domain.persona(name).client("sagemaker")
        assert sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"] == []
        for look in ("describe_hyper_parameter_tuning_job", "list_training_jobs_for_hyper_parameter_tuning_job"):
            with pytest.raises(ClientError, match="ResourceNotFound"):
                getattr(sagemaker, look)(**none)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.stop_hyper_parameter_tuning_job(**none)
    denial(lambda: domain.persona("viewer").client("sagemaker").stop_hyper_parameter_tuning_job(**none))


def test_a_data_scientist_trains_in_a_network_with_the_own_role_only(domain: Domain) -> None:
    sagemaker = domain.persona("data-scientist").client("sagemaker")
    inside = {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    own, other = (role(domain, name) for name in ("data-scientist", "ml-engineer"))
    denial(lambda: sagemaker.create_training_job(TrainingJobName="outside", RoleArn=own, **JOB))
    told = denial(lambda: sagemaker.create_training_job(TrainingJobName="borrowed", RoleArn=other, **JOB, **inside))
    assert "iam:PassRole" in told
    tags = [{"Key": "team", "Value": "churn"}]
    sagemaker.create_training_job(TrainingJobName="inside", RoleArn=own, Tags=tags, **JOB, **inside)
    assert sagemaker.describe_training_job(TrainingJobName="inside")["RoleArn"] == own
    denial(lambda: sagemaker.delete_endpoint(EndpointName="studio-churn"))


def test_versions_are_registered_but_not_as_approved(domain: Domain, version: str, inference: dict[str, Any]) -> None:
    sagemaker = domain.persona("ml-engineer").client("sagemaker")
    wanted: dict[str, Any] = {"ModelPackageGroupName": "churn", "InferenceSpecification": inference}
    denial(lambda: sagemaker.create_model_package(**wanted, ModelApprovalStatus="Approved"))
    made = sagemaker.create_model_package(**wanted, ModelApprovalStatus="PendingManualApproval")["ModelPackageArn"]
    assert made.endswith("/churn/2") and version.endswith("/churn/1")


def test_large_instances_and_other_peoples_spaces_are_denied(domain: Domain) -> None:
    sagemaker = domain.persona("data-scientist").client("sagemaker")
    start = {"DomainId": domain.id, "SpaceName": "lab", "AppName": "default", "AppType": "JupyterLab"}
    told = denial(lambda: sagemaker.create_app(**start, ResourceSpec={"InstanceType": "ml.p4d.24xlarge"}))
    assert "explicit deny" in told
    # A session that does not come from Studio has no profile, so no space is its own.
    ours = {"OwnershipSettings": {"OwnerUserProfileName": "bob"}, "SpaceSharingSettings": {"SharingType": "Private"}}
    denial(lambda: sagemaker.create_space(DomainId=domain.id, SpaceName="bobs", **ours))
    denial(lambda: sagemaker.create_presigned_domain_url(DomainId=domain.id, UserProfileName="bob"))


def test_a_persona_sees_its_domain_and_changes_neither_it_nor_itself(domain: Domain) -> None:
    viewer = domain.persona("viewer")
    sagemaker = viewer.client("sagemaker")
    assert sagemaker.describe_domain(DomainId=domain.id)["DomainName"] == domain.given["StudioDomainName"]
    denial(lambda: sagemaker.update_domain(DomainId=domain.id, AppNetworkAccessType="PublicInternetOnly"))
    for name in ("viewer", "data-scientist", "ml-engineer", "approver"):
        iam = domain.persona(name).client("iam")
        denial(lambda iam=iam, name=name: iam.detach_role_policy(RoleName=f"studio-{domain.id}-{name}", PolicyArn=ANY))
        denial(
            lambda iam=iam, name=name: iam.delete_role_policy(RoleName=f"studio-{domain.id}-{name}", PolicyName="use")
        )


def test_the_default_role_may_do_nothing(domain: Domain) -> None:
    sagemaker = Persona(domain.sandbox, f"studio-{domain.given['StudioDomainName']}-default").client("sagemaker")
    assert domain.id in [each["DomainId"] for each in sagemaker.list_domains()["Domains"]]
    denial(lambda: sagemaker.describe_domain(DomainId=domain.id))
    denial(lambda: sagemaker.create_training_job(TrainingJobName="default", RoleArn=role(domain, "default"), **JOB))


def test_an_update_changes_the_domain_in_place(sandbox: Sandbox) -> None:
    domain = Domain(sandbox)
    changed = DOMAIN.replace("DefaultEbsVolumeSizeInGb: 5", "DefaultEbsVolumeSizeInGb: 10")
    given = domain.given | {"StudioDomainIdleMinutes": "60", "StudioDomainSharingBucket": "shared-notebooks"}
    ended = domain.stacks.update(domain.stack["StackId"], changed, given, **NAMED)
    assert ended["StackStatus"] == "UPDATE_COMPLETE"
    found = domain.described()["DefaultUserSettings"]
    assert int(found["SpaceStorageSettings"]["DefaultEbsStorageSettings"]["DefaultEbsVolumeSizeInGb"]) == 10
    assert int(found["JupyterLabAppSettings"]["AppLifecycleManagement"]["IdleSettings"]["IdleTimeoutInMinutes"]) == 60
    name = domain.given["StudioDomainName"]
    assert found["SharingSettings"] == {
        "NotebookOutputOption": "Allowed",
        "S3OutputPath": f"s3://shared-notebooks/studio/{name}/",
        "S3KmsKeyId": domain.outputs["StudioKeyOwnArn"],
    }
    profile = domain.profile("ann", "viewer")
    domain.stacks.update(profile["StackId"], None, person(domain.id, "ann", "approver"))
    found = sandbox.client("sagemaker").describe_user_profile(DomainId=domain.id, UserProfileName="ann")
    assert found["UserSettings"]["ExecutionRole"] == role(domain, "approver")


def test_a_domain_is_deleted_after_its_people_and_leaves_its_key_only(sandbox: Sandbox) -> None:
    domain = Domain(sandbox)
    profile, stacks, name = domain.profile("ann", "viewer"), domain.stacks, domain.given["StudioDomainName"]
    assert stacks.delete(domain.stack["StackId"])["StackStatus"] == "DELETE_FAILED"
    assert "UserProfile(s) are associated with it" in stacks.reason(domain.stack["StackId"])
    assert stacks.delete(profile["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.delete(domain.stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert left(sandbox, name, domain.id) == {}
    key = sandbox.client("kms").describe_key(KeyId=domain.outputs["StudioKeyOwnArn"])["KeyMetadata"]
    assert key["KeyState"] == "Enabled"


def test_a_home_file_system_is_encrypted_and_outlives_its_domain(sandbox: Sandbox) -> None:
    key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    domain = Domain(sandbox, StudioDomainHomeFileSystem="Enabled", StudioKeyArn=key)
    files, efs = domain.described()["HomeEfsFileSystemId"], sandbox.client("efs")
    domain.stacks.delete(domain.stack["StackId"])
    [kept] = efs.describe_file_systems(FileSystemId=files)["FileSystems"]
    assert (kept["Encrypted"], kept["KmsKeyId"]) == (True, key)
    assert "StudioKeyOwnArn" not in domain.outputs
    assert left(sandbox, domain.given["StudioDomainName"], domain.id) == {}


def test_a_domain_for_identity_center_leaves_nothing_where_there_is_none(sandbox: Sandbox) -> None:
    stacks, given = Stacks(sandbox), {"StudioDomainName": "sso", "StudioDomainAuthMode": "SSO", **network(sandbox)}
    made = stacks.create(DOMAIN, given, **NAMED)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "no IAM Identity Center" in stacks.reason(made["StackId"])
    assert left(sandbox, "sso", "none") == {}


def test_both_are_made_from_s3(sandbox: Sandbox) -> None:
    stacks, s3 = Stacks(sandbox), sandbox.client("s3")
    s3.create_bucket(Bucket="studio-templates")
    ended = []
    given = {"StudioDomainName": "from-s3", **network(sandbox)}
    for name, template in (("domain", DOMAIN), ("profile", PROFILE)):
        s3.put_object(Bucket="studio-templates", Key=f"{name}.yaml", Body=template.encode())
        url = f"https://studio-templates.s3.us-east-1.amazonaws.com/{name}.yaml"
        ended.append(stacks.create("", given, TemplateURL=url, **NAMED))
        assert ended[-1]["StackStatus"] == "CREATE_COMPLETE"
        if name == "domain":
            given = person(stacks.outputs(ended[0])["StudioDomainId"])
    for made in reversed(ended):
        assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


@pytest.fixture(scope="module")
def launch_roles(sandbox: Sandbox) -> dict[str, str]:
    """The account is prepared, as sharing does it; returns the outputs."""
    hub = {"LaunchRoleHubAccountId": ACCOUNTS["shared-services"], "CatalogLocationBucket": "catalogue"}
    key = f"arn:aws:kms:us-east-1:{ACCOUNTS['shared-services']}:key/none"
    stacks = Stacks(sandbox)
    made = stacks.create(LAUNCH, hub | {"CatalogLocationKeyArn": key}, **NAMED)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    return stacks.outputs(made)


def test_who_builds_creates_a_project_from_s3_with_the_policy_of_the_launch_role(
    sandbox: Sandbox, launch_roles: dict[str, str]
) -> None:
    domain, s3 = Domain(sandbox, StudioProjectsUserPolicyName=USER_POLICY), sandbox.client("s3")
    s3.create_bucket(Bucket="catalogue")
    s3.put_object(Bucket="catalogue", Key="projects/small.yaml", Body=SMALL.encode())
    url = "https://catalogue.s3.us-east-1.amazonaws.com/projects/small.yaml"
    template = {"TemplateName": "small", "TemplateURL": url, "RoleARN": launch_roles["LaunchRoleArn"]}
    providers = [{"CfnTemplateProvider": template}]
    for name in ("data-scientist", "ml-engineer"):
        sagemaker = domain.persona(name).client("sagemaker")
        sagemaker.create_project(ProjectName=name, TemplateProviders=providers)
        assert settled(sagemaker, name)["ProjectStatus"] == "CreateCompleted"
        sagemaker.delete_project(ProjectName=name)
        assert settled(sagemaker, name)["ProjectStatus"] == "DeleteCompleted"
    viewer = domain.persona("viewer").client("sagemaker")
    denial(lambda: viewer.create_project(ProjectName="viewer", TemplateProviders=providers))
    assert domain.stacks.delete(domain.stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_both_are_launched_from_service_catalog_by_the_role_of_administrators_products(
    sandbox: Sandbox, launch_roles: dict[str, str]
) -> None:
    products = {name: offered(sandbox, template) for name, template in (("domain", DOMAIN), ("profile", PROFILE))}
    given = {
        "StudioDomainName": "by-catalog",
        "StudioProjectsUserPolicyName": USER_POLICY,
        **network(sandbox),
    }
    made = products["domain"].provision("domain", **given)
    assert made["RecordDetail"]["Status"] == "SUCCEEDED", made["RecordDetail"]["RecordErrors"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["RecordOutputs"]}
    known = outputs["StudioDomainId"]
    launched = products["profile"].provision("profile", **person(known))
    assert launched["RecordDetail"]["Status"] == "SUCCEEDED", launched["RecordDetail"]["RecordErrors"]
    catalog = sandbox.client("servicecatalog")
    changed = [{"Key": key, "Value": value} for key, value in (given | {"StudioDomainIdleMinutes": "90"}).items()]
    version = {"ProductId": products["domain"].product, "ProvisioningArtifactId": products["domain"].version}
    record = catalog.update_provisioned_product(
        ProvisionedProductName="domain", ProvisioningParameters=changed, **version
    )["RecordDetail"]["RecordId"]
    updated = products["domain"].ended(record)["RecordDetail"]
    assert updated["Status"] == "SUCCEEDED", updated["RecordErrors"]
    for name in ("profile", "domain"):
        gone = products[name].terminate(name)["RecordDetail"]
        assert gone["Status"] == "SUCCEEDED", gone["RecordErrors"]
    assert left(sandbox, "by-catalog", known) == {}
