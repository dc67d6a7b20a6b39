"""Tags of S3's objects belong to the bucket's account, whoever asks for them."""

from __future__ import annotations

import json
import uuid

from harness import ACCOUNTS, Sandbox


def test_an_account_that_may_sees_and_changes_the_tags_of_another_s_objects(sandbox: Sandbox) -> None:
    own, other, bucket = sandbox.client("s3"), sandbox.client("s3", "staging"), f"tags-{uuid.uuid4().hex}"
    own.create_bucket(Bucket=bucket)
    own.put_object(Bucket=bucket, Key="a", Body=b"", Tagging="colour=red")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS['staging']}:root"},
        "Action": ["s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObjectTagging"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    own.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    place = {"Bucket": bucket, "Key": "a"}
    assert other.get_object_tagging(**place)["TagSet"] == [{"Key": "colour", "Value": "red"}]
    other.put_object_tagging(**place, Tagging={"TagSet": [{"Key": "colour", "Value": "blue"}]})
    assert own.get_object_tagging(**place)["TagSet"] == [{"Key": "colour", "Value": "blue"}]
    other.delete_object_tagging(**place)
    assert own.get_object_tagging(**place)["TagSet"] == []
