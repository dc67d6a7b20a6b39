"""The policies of resources, within an account: they allow by themselves, and what they deny is denied.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from harness import ACCOUNTS, Sandbox
from persons import Person, denial, policy

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}
Statement = dict[str, Any]


@dataclass
class Thing:
    """A resource: what is asked of it, how its policy is set, and the call."""

    action: str
    share: Callable[[str], Any]
    use: Callable[[Person], Any]


def bucket(sandbox: Sandbox, name: str) -> Thing:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"body")
    return Thing(
        "s3:GetObject",
        lambda text: s3.put_bucket_policy(Bucket=name, Policy=text.replace('"*"', f'"arn:aws:s3:::{name}/*"')),
        lambda person: person.client("s3").get_object(Bucket=name, Key="key"),
    )


def queue(sandbox: Sandbox, name: str) -> Thing:
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return Thing(
        "sqs:ReceiveMessage",
        lambda text: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text}),
        lambda person: person.client("sqs").receive_message(QueueUrl=url),
    )


def topic(sandbox: Sandbox, name: str) -> Thing:
    sns = sandbox.client("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    return Thing(
        "sns:Publish",
        lambda text: sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text),
        lambda person: person.client("sns").publish(TopicArn=arn, Message="m"),
    )


def repository(sandbox: Sandbox, name: str) -> Thing:
    ecr = sandbox.client("ecr")
    ecr.create_repository(repositoryName=name)

    def share(text: str) -> None:
        statements = [{k: v for k, v in s.items() if k != "Resource"} for s in json.loads(text)["Statement"]]
        ecr.set_repository_policy(repositoryName=name, policyText=policy(*statements))

    return Thing("ecr:ListImages", share, lambda person: person.client("ecr").list_images(repositoryName=name))


def secret(sandbox: Sandbox, name: str) -> Thing:
    secrets = sandbox.client("secretsmanager")
    secrets.create_secret(Name=name, SecretString="word")
    return Thing(
        "secretsmanager:GetSecretValue",
        lambda text: secrets.put_resource_policy(SecretId=name, ResourcePolicy=text),
        lambda person: person.client("secretsmanager").get_secret_value(SecretId=name),
    )


def group(sandbox: Sandbox, name: str) -> Thing:
    api = sandbox.client("sagemaker")
    arn = api.create_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    return Thing(
        "sagemaker:DescribeModelPackageGroup",
        lambda text: api.put_model_package_group_policy(
            ModelPackageGroupName=name, ResourcePolicy=text.replace('"*"', f'"{arn}"')
        ),
        lambda person: person.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name),
    )


KINDS = [bucket, queue, topic, repository, secret, group]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_resources_policy_allows_and_denies(sandbox: Sandbox, kind: Callable[[Sandbox, str], Thing]) -> None:
    thing, person = kind(sandbox, f"shared-{uuid.uuid4().hex[:8]}"), Person(sandbox, "development")
    assert f"no identity-based policy allows the {thing.action} action" in denial(lambda: thing.use(person))
    statement: Statement = {"Principal": {"AWS": person.arn}, "Action": thing.action, "Resource": "*"}
    thing.share(policy({"Effect": "Allow", **statement}))
    assert thing.use(person)
    person.allow("*", "*")
    thing.share(policy({"Effect": "Deny", **statement}))
    assert "with an explicit deny in a resource-based policy" in denial(lambda: thing.use(person))


def test_a_functions_policy_allows_whom_it_names(sandbox: Sandbox) -> None:
    name, person, functions = f"shared-{uuid.uuid4().hex[:8]}", Person(sandbox, "development"), sandbox.client("lambda")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    role = sandbox.role("permissions-function", "lambda.amazonaws.com")
    what = {"Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": packed.getvalue()}}
    functions.create_function(FunctionName=name, Role=role, **what)
    own = person.client("lambda")
    assert "no identity-based policy allows the lambda:GetFunction" in denial(
        lambda: own.get_function(FunctionName=name)
    )
    functions.add_permission(FunctionName=name, StatementId="a", Action="lambda:GetFunction", Principal=person.arn)
    assert own.get_function(FunctionName=name)["Configuration"]["FunctionName"] == name


class Key:
    """A key whose policy says what a test wants, besides that everybody may change the policy."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.kms = sandbox.client("kms")
        self.arn = str(self.kms.create_key()["KeyMetadata"]["Arn"])

    def share(self, *statements: Statement) -> None:
        keep = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:PutKeyPolicy", "Resource": "*"}
        self.kms.put_key_policy(KeyId=self.arn, PolicyName="default", Policy=policy(keep, *statements))


@pytest.mark.parametrize(
    ("principal", "identity", "reason"),
    [
        ("nobody", True, "no resource-based policy allows the kms:Encrypt action"),
        ("account", False, "no identity-based policy allows the kms:Encrypt action"),
        ("account", True, ""),
        ("role", False, ""),
    ],
)
def test_a_keys_policy_decides_whether_identity_policies_count(
    sandbox: Sandbox, principal: str, identity: bool, reason: str
) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    key, person = Key(sandbox), Person(sandbox, "development")
    named = {"account": ROOT, "role": {"AWS": person.arn}}
    if principal in named:
        key.share({"Effect": "Allow", "Principal": named[principal], "Action": "kms:Encrypt", "Resource": "*"})
    else:
        key.share()
    if identity:
        person.allow("kms:Encrypt", key.arn)
    if reason:
        assert reason in denial(lambda: person.client("kms").encrypt(KeyId=key.arn, Plaintext=b"text"))
    else:
        assert person.client("kms").encrypt(KeyId=key.arn, Plaintext=b"text")["KeyId"] == key.arn


def test_who_decrypts_needs_the_key_that_the_text_was_encrypted_with(sandbox: Sandbox) -> None:
    key, person = Key(sandbox), Person(sandbox, "development")
    key.share({"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"})
    blob = key.kms.encrypt(KeyId=key.arn, Plaintext=b"text")["CiphertextBlob"]
    assert f"kms:Decrypt on resource: {key.arn} " in denial(lambda: person.client("kms").decrypt(CiphertextBlob=blob))
    person.allow("kms:Decrypt", key.arn)
    assert person.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_a_keys_alias_stands_for_the_key(sandbox: Sandbox) -> None:
    key, person, alias = Key(sandbox), Person(sandbox, "development"), f"alias/{uuid.uuid4().hex[:8]}"
    key.kms.create_alias(AliasName=alias, TargetKeyId=key.arn)
    assert f"on resource: {key.arn} " in denial(lambda: person.client("kms").describe_key(KeyId=alias))


def test_an_object_under_a_key_needs_the_key_too(sandbox: Sandbox) -> None:
    key, person, name = Key(sandbox), Person(sandbox, "development"), f"under-{uuid.uuid4().hex[:8]}"
    key.share({"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"})
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"body", ServerSideEncryption="aws:kms", SSEKMSKeyId=key.arn)
    person.allow("s3:GetObject", f"arn:aws:s3:::{name}/*")
    said = denial(lambda: person.client("s3").get_object(Bucket=name, Key="key"))
    assert f"kms:Decrypt on resource: {key.arn} because no identity-based policy" in said
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    person.allow("kms:Decrypt", key.arn, Condition=via)
    assert person.client("s3").get_object(Bucket=name, Key="key")["Body"].read() == b"body"
    assert "kms:Decrypt" in denial(lambda: person.client("kms").decrypt(CiphertextBlob=b"x" * 64, KeyId=key.arn))
