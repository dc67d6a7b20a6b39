"""The cases of IAM, and of Organizations in the hub account."""

from __future__ import annotations

from typing import Any

from types_core_cases import Case, Client, action_of, only, policy, ref, resource, tags

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
GROUP = resource("AWS::IAM::Group", GroupName="NAME")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
THUMB = "990f4193972f2becf12ddeda5237f9c952f20d9"


def user(client: Client, name: str) -> Any:
    iam = client("iam")
    return (
        iam.get_user(UserName=name)["User"]["Path"],
        [group["GroupName"] for group in iam.list_groups_for_user(UserName=name)["Groups"]],
        iam.list_user_policies(UserName=name)["PolicyNames"],
        [each["PolicyArn"] for each in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]],
        iam.list_user_tags(UserName=name)["Tags"],
    )


def group(client: Client, name: str) -> Any:
    iam = client("iam")
    return (
        iam.get_group(GroupName=name)["Group"]["Path"],
        action_of(iam.get_group_policy(GroupName=name, PolicyName="p")["PolicyDocument"]),
        [each["PolicyArn"] for each in iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]],
    )


def members(client: Client, name: str) -> Any:
    return [each["UserName"] for each in client("iam").get_group(GroupName=name)["Users"]]


def key(client: Client, name: str) -> Any:
    found = only(client("iam").list_access_keys(UserName=name)["AccessKeyMetadata"])
    return found and found["Status"]


def profile(client: Client, name: str) -> Any:
    found = client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return [role["RoleName"] for role in found["Roles"]]


def provider(client: Client, name: str) -> Any:
    listed = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arn = only([each["Arn"] for each in listed if name in each["Arn"]])
    if not arn:
        return None
    found = client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return found["ThumbprintList"], found["Tags"]


def held(client: Client, name: str) -> Any:
    iam = client("iam")
    listed = [each for each in iam.list_policies(Scope="Local")["Policies"] if each["PolicyName"] == name]
    if not listed:
        return None
    found = iam.list_entities_for_policy(PolicyArn=listed[0]["Arn"])
    return [u["UserName"] for u in found["PolicyUsers"]], [g["GroupName"] for g in found["PolicyGroups"]]


def inline(client: Client, name: str) -> Any:
    iam = client("iam")
    return {
        "user": iam.list_user_policies(UserName=name)["PolicyNames"],
        "group": iam.list_group_policies(GroupName=name)["PolicyNames"],
    }


def root(client: Client) -> str:
    return str(client("organizations").list_roots()["Roots"][0]["Id"])


def unit(client: Client, name: str) -> Any:
    units = client("organizations").list_organizational_units_for_parent(ParentId=root(client))["OrganizationalUnits"]
    found = only([each for each in units if each["Name"].startswith(name)])
    return found and found["Name"]


def control(client: Client, name: str) -> Any:
    api = client("organizations")
    listed = api.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    found = only([each for each in listed if each["Name"] == name])
    if not found:
        return None
    targets = [each["Name"] for each in api.list_targets_for_policy(PolicyId=found["Id"])["Targets"]]
    return found["Description"], action_of(api.describe_policy(PolicyId=found["Id"])["Policy"]["Content"]), targets


USER = resource("AWS::IAM::User", UserName="NAME")
OTHER = resource("AWS::IAM::User", UserName="NAME-2")

CASES = {
    "user": Case(
        "AWS::IAM::User",
        {
            "UserName": "NAME",
            "Groups": [ref("Group")],
            "LoginProfile": {"Password": "Pass-word-1"},
            "Policies": [{"PolicyName": "a", "PolicyDocument": policy("s3:*")}],
            "ManagedPolicyArns": [READ_ONLY],
            "Tags": tags("1"),
        },
        {
            "UserName": "NAME",
            "Path": "/people/",
            "Policies": [{"PolicyName": "b", "PolicyDocument": policy("s3:*")}],
            "ManagedPolicyArns": [S3_READ],
            "Tags": tags("2"),
        },
        user,
        ("/people/", [], ["b"], [S3_READ], tags("2")),
        {"Group": GROUP},
        ("Arn",),
    ),
    "group": Case(
        "AWS::IAM::Group",
        {
            "GroupName": "NAME",
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy("s3:*")}],
            "ManagedPolicyArns": [READ_ONLY],
        },
        {
            "GroupName": "NAME",
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy("kms:*")}],
            "ManagedPolicyArns": [S3_READ],
        },
        group,
        ("/", "kms:*", [S3_READ]),
        attributes=("Arn",),
    ),
    "members": Case(
        "AWS::IAM::UserToGroupAddition",
        {"GroupName": ref("Group"), "Users": [ref("User")]},
        {"GroupName": ref("Group"), "Users": [ref("Other")]},
        members,
        ["NAME-2"],
        {"Group": GROUP, "User": USER, "Other": OTHER},
        ("Id",),
    ),
    "access key": Case(
        "AWS::IAM::AccessKey",
        {"UserName": ref("User")},
        {"UserName": ref("User"), "Status": "Inactive"},
        key,
        "Inactive",
        {"User": USER},
        ("Id", "SecretAccessKey"),
    ),
    "instance profile": Case(
        "AWS::IAM::InstanceProfile",
        {"InstanceProfileName": "NAME", "Roles": [ref("Role1")]},
        {"InstanceProfileName": "NAME", "Roles": [ref("Role2")]},
        profile,
        ["NAME-2"],
        {f"Role{n}": resource("AWS::IAM::Role", RoleName=f"NAME-{n}", AssumeRolePolicyDocument=TRUST) for n in (1, 2)},
        ("Arn",),
    ),
    "web identities": Case(
        "AWS::IAM::OIDCProvider",
        {"Url": "https://NAME.example.com", "ThumbprintList": [f"{THUMB}1"], "Tags": tags("1")},
        {"Url": "https://NAME.example.com", "ThumbprintList": [f"{THUMB}2"], "Tags": tags("2")},
        provider,
        ([f"{THUMB}2"], tags("2")),
        attributes=("Arn",),
    ),
    "managed policy": Case(
        "AWS::IAM::ManagedPolicy",
        {"ManagedPolicyName": "NAME", "PolicyDocument": policy("s3:*"), "Users": [ref("User")]},
        {"ManagedPolicyName": "NAME", "PolicyDocument": policy("s3:*"), "Groups": [ref("Group")]},
        held,
        ([], ["NAME"]),
        {"Group": GROUP, "User": USER},
        ("PolicyArn", "PolicyId", "CreateDate", "DefaultVersionId", "AttachmentCount", "IsAttachable"),
    ),
    "inline policy": Case(
        "AWS::IAM::Policy",
        {"PolicyName": "one", "PolicyDocument": policy("s3:*"), "Users": [ref("User")]},
        {"PolicyName": "one", "PolicyDocument": policy("s3:*"), "Groups": [ref("Group")]},
        inline,
        {"user": [], "group": ["one"]},
        {"Group": GROUP, "User": USER},
    ),
    "organizational unit": Case(
        "AWS::Organizations::OrganizationalUnit",
        {"ParentId": "ROOT", "Name": "NAME", "Tags": tags("1")},
        {"ParentId": "ROOT", "Name": "NAME-2", "Tags": tags("2")},
        unit,
        "NAME-2",
        attributes=("Arn", "Id"),
        profile="shared-services",
    ),
    "control policy": Case(
        "AWS::Organizations::Policy",
        {"Name": "NAME", "Type": "SERVICE_CONTROL_POLICY", "Content": policy("s3:*"), "TargetIds": [ref("Unit")]},
        {"Name": "NAME", "Type": "SERVICE_CONTROL_POLICY", "Content": policy("kms:*"), "Description": "new"},
        control,
        ("new", "kms:*", []),
        {"Unit": resource("AWS::Organizations::OrganizationalUnit", ParentId="ROOT", Name="NAME")},
        ("Arn", "Id", "AwsManaged"),
        "shared-services",
    ),
}


def _inline(kind: str) -> Case:
    """Return the case of an inline policy that is a resource of its own."""
    named = f"{kind}Name"

    def look(client: Client, name: str) -> Any:
        found = getattr(client("iam"), f"get_{kind.lower()}_policy")(**{named: name}, PolicyName="inline")
        return action_of(found["PolicyDocument"])

    needs = {"AssumeRolePolicyDocument": TRUST} if kind == "Role" else {}
    before, after = (
        {named: ref("Holder"), "PolicyName": "inline", "PolicyDocument": policy(action)}
        for action in ("s3:GetObject", "s3:PutObject")
    )
    holder = resource(f"AWS::IAM::{kind}", **{named: "NAME"}, **needs)
    return Case(f"AWS::IAM::{kind}Policy", before, after, look, "s3:PutObject", {"Holder": holder})


CASES |= {f"inline policy of one {kind.lower()}": _inline(kind) for kind in ("Role", "User", "Group")}
