"""The cases of the services that are kept only: volumes, user pools, documents, streams, distributions."""

from __future__ import annotations

import json
from typing import Any

from types_core_cases import Case, Client, get, only, ref, resource, tags

ROLE = resource(
    "AWS::IAM::Role",
    AssumeRolePolicyDocument={
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    },
)
VISIBLE = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": False, "MetricName": "told"}
NAMED = [{"Key": "Name", "Value": "NAME"}]
BALANCER = resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Type="network", Name="NAME", Subnets=[ref("Subnet")])
NETWORK = {
    "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Subnet": resource("AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.1.0/24"),
    "Balancer": BALANCER,
}


def volume(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_volumes(Filters=[{"Name": "tag:Name", "Values": [name]}])["Volumes"])
    return found and [found["Size"], found["VolumeType"]]


def _service(client: Client, name: str) -> Any:
    listed = client("ec2").describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    return only([each for each in listed if {"Key": "Name", "Value": name} in each.get("Tags", [])])


def endpoint_service(client: Client, name: str) -> Any:
    found = _service(client, name)
    return found and [found["AcceptanceRequired"], len(found["Tags"])]


def permitted(client: Client, name: str) -> Any:
    found = _service(client, name)
    if not found:
        return None
    told = client("ec2").describe_vpc_endpoint_service_permissions(ServiceId=found["ServiceId"])
    return [each["Principal"] for each in told["AllowedPrincipals"]]


def stream(client: Client, name: str) -> Any:
    api = client("firehose")
    told = api.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    put = told["Destinations"][0]["ExtendedS3DestinationDescription"]
    return [put["Prefix"], api.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"][0]["Value"]]


def document(client: Client, name: str) -> Any:
    api = client("ssm")
    told = json.loads(api.get_document(Name=name)["Content"])["description"]
    return [told, api.list_tags_for_resource(ResourceType="Document", ResourceId=name)["TagList"]]


def pool(client: Client, name: str) -> Any:
    api = client("cognito-idp")
    listed = api.list_user_pools(MaxResults=60)["UserPools"]
    found = only([each for each in listed if each["Name"] == name])
    if not found:
        return None
    told = api.describe_user_pool(UserPoolId=found["Id"])["UserPool"]
    return [told.get("AutoVerifiedAttributes"), told["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]]


def _pool_id(client: Client, name: str) -> str:
    listed = client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    return next((str(each["Id"]) for each in listed if each["Name"] == name), "")


def pool_client(client: Client, name: str) -> Any:
    if not (found := _pool_id(client, name)):
        return None
    api = client("cognito-idp")
    listed = api.list_user_pool_clients(UserPoolId=found)["UserPoolClients"]
    told = api.describe_user_pool_client(UserPoolId=found, ClientId=listed[0]["ClientId"])["UserPoolClient"]
    return [told["ClientName"], told["CallbackURLs"]]


def pool_domain(client: Client, name: str) -> Any:
    return client("cognito-idp").describe_user_pool_domain(Domain=name)["DomainDescription"].get("Domain")


def acl(client: Client, name: str) -> Any:
    api = client("wafv2")
    found = only([each for each in api.list_web_acls(Scope="REGIONAL")["WebACLs"] if each["Name"] == name])
    if not found:
        return None
    told = api.get_web_acl(Name=name, Scope="REGIONAL", Id=found["Id"])["WebACL"]
    tagged = api.list_tags_for_resource(ResourceARN=found["ARN"])["TagInfoForResource"]["TagList"]
    return [told["Description"], [rule["Name"] for rule in told["Rules"]], tagged]


def authorizer(client: Client, name: str) -> Any:
    api = client("apigateway")
    found = only([each for each in api.get_rest_apis()["items"] if each["name"] == name])
    if not found:
        return None
    listed = api.get_authorizers(restApiId=found["id"])["items"]
    return [[each["name"], each["identitySource"]] for each in listed]


def distribution(client: Client, name: str) -> Any:
    api = client("cloudfront")
    listed = api.list_distributions()["DistributionList"].get("Items", [])
    found = only([each for each in listed if each["Comment"].startswith(name)])
    if not found:
        return None
    told = api.get_distribution_config(Id=found["Id"])["DistributionConfig"]
    behavior, origin = told["DefaultCacheBehavior"], told["Origins"]["Items"][0]
    tagged = api.list_tags_for_resource(Resource=found["ARN"])["Tags"]["Items"]
    methods = behavior["AllowedMethods"]
    return [told["PriceClass"], methods["CachedMethods"]["Items"], origin["OriginAccessControlId"] != "", tagged]


def access_control(client: Client, name: str) -> Any:
    listed = client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    found = only([each for each in listed if each["Name"] == name])
    return found and found["SigningBehavior"]


def cache_policy(client: Client, name: str) -> Any:
    listed = client("cloudfront").list_cache_policies(Type="custom")["CachePolicyList"].get("Items", [])
    found = only([each for each in listed if each["CachePolicy"]["CachePolicyConfig"]["Name"] == name])
    if not found:
        return None
    config = found["CachePolicy"]["CachePolicyConfig"]
    inner = config["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]
    return [config["MinTTL"], inner["Headers"]["Items"]]


def edge(client: Client, name: str) -> Any:
    api = client("cloudfront")
    told = api.get_function(Name=name, Stage="LIVE")
    return told["FunctionCode"].read().decode()


def query(client: Client, name: str) -> Any:
    listed = client("logs").describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    found = only(listed)
    return found and [found["queryString"], found["logGroupNames"]]


def _distribution(price: str, tag: str) -> dict[str, Any]:
    origin = {
        "Id": "site",
        "DomainName": "NAME.s3.us-east-1.amazonaws.com",
        "OriginAccessControlId": get("Control", "Id"),
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behavior = {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
        "CachedMethods": ["GET", "HEAD"],
    }
    config = {
        "Comment": "NAME",
        "Enabled": True,
        "PriceClass": price,
        "Aliases": ["NAME.example.com"],
        "Origins": [origin],
        "DefaultCacheBehavior": behavior,
        "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", "Locations": ["DE", "FR"]}},
    }
    return {"DistributionConfig": config, "Tags": tags(tag)}


def _control(behavior: str) -> dict[str, Any]:
    how = {"SigningBehavior": behavior, "SigningProtocol": "sigv4", "OriginAccessControlOriginType": "s3"}
    return {"OriginAccessControlConfig": {"Name": "NAME", **how}}


def _cache_policy(seconds: int, header: str) -> dict[str, Any]:
    keys = {
        "CookiesConfig": {"CookieBehavior": "none"},
        "EnableAcceptEncodingGzip": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": [header]},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }
    ages = {"DefaultTTL": 100, "MaxTTL": 1000, "MinTTL": seconds}
    return {"CachePolicyConfig": {"Name": "NAME", **ages, "ParametersInCacheKeyAndForwardedToOrigin": keys}}


def _edge(code: str) -> dict[str, Any]:
    config = {"Comment": "told", "Runtime": "cloudfront-js-2.0"}
    return {"Name": "NAME", "AutoPublish": True, "FunctionConfig": config, "FunctionCode": code}


def _rule(name: str) -> dict[str, Any]:
    group = {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}
    return {
        "Name": name,
        "Priority": 0,
        "OverrideAction": {"None": {}},
        "Statement": {"ManagedRuleGroupStatement": group},
        "VisibilityConfig": VISIBLE,
    }


def _acl(told: str, tag: str, *rules: str) -> dict[str, Any]:
    made = {"Name": "NAME", "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": VISIBLE}
    return {**made, "Description": told, "Rules": [_rule(rule) for rule in rules], "Tags": tags(tag)}


def _stream(prefix: str, tag: str) -> dict[str, Any]:
    put = {"BucketARN": "arn:aws:s3:::NAME", "RoleARN": get("Role"), "Prefix": prefix}
    return {
        "DeliveryStreamName": "NAME",
        "DeliveryStreamType": "DirectPut",
        "ExtendedS3DestinationConfiguration": put,
        "Tags": tags(tag),
    }


def _document(told: str, tag: str) -> dict[str, Any]:
    content = {"schemaVersion": "2.2", "description": told, "mainSteps": []}
    return {"Name": "NAME", "Content": content, "UpdateMethod": "NewVersion", "Tags": tags(tag)}


POOL = resource("AWS::Cognito::UserPool", UserPoolName="NAME")
IN_POOL = {"UserPoolId": ref("Pool")}
CASES = {
    "volume": Case(
        "AWS::EC2::Volume",
        {"AvailabilityZone": "us-east-1a", "Size": 5, "VolumeType": "gp3", "Tags": NAMED},
        {"AvailabilityZone": "us-east-1a", "Size": 6, "VolumeType": "gp3", "Tags": NAMED},
        volume,
        [6, "gp3"],
        attributes=("VolumeId",),
    ),
    "endpoint service": Case(
        "AWS::EC2::VPCEndpointService",
        {"NetworkLoadBalancerArns": [ref("Balancer")], "AcceptanceRequired": False, "Tags": NAMED},
        {"NetworkLoadBalancerArns": [ref("Balancer")], "AcceptanceRequired": True, "Tags": [*NAMED, *tags("a")]},
        endpoint_service,
        [True, 2],
        NETWORK,
        ("ServiceId",),
    ),
    "endpoint service permissions": Case(
        "AWS::EC2::VPCEndpointServicePermissions",
        {"ServiceId": ref("Service"), "AllowedPrincipals": ["arn:aws:iam::333333333333:root"]},
        {"ServiceId": ref("Service"), "AllowedPrincipals": ["arn:aws:iam::444444444444:root"]},
        permitted,
        ["arn:aws:iam::444444444444:root"],
        {
            **NETWORK,
            "Service": resource("AWS::EC2::VPCEndpointService", NetworkLoadBalancerArns=[ref("Balancer")], Tags=NAMED),
        },
    ),
    "delivery stream": Case(
        "AWS::KinesisFirehose::DeliveryStream",
        _stream("one/", "a"),
        _stream("two/", "b"),
        stream,
        ["two/", "b"],
        {"Role": ROLE, "Bucket": resource("AWS::S3::Bucket", BucketName="NAME")},
        ("Arn",),
    ),
    "distribution": Case(
        "AWS::CloudFront::Distribution",
        _distribution("PriceClass_100", "a"),
        _distribution("PriceClass_200", "b"),
        distribution,
        ["PriceClass_200", ["GET", "HEAD"], True, tags("b")],
        {"Control": resource("AWS::CloudFront::OriginAccessControl", **_control("always"))},
        ("DomainName", "Id"),
    ),
    "origin access control": Case(
        "AWS::CloudFront::OriginAccessControl",
        _control("always"),
        _control("never"),
        access_control,
        "never",
        {},
        ("Id",),
    ),
    "cache policy": Case(
        "AWS::CloudFront::CachePolicy",
        _cache_policy(1, "One"),
        _cache_policy(2, "Two"),
        cache_policy,
        [2, ["Two"]],
        attributes=("Id", "LastModifiedTime"),
    ),
    "edge function": Case(
        "AWS::CloudFront::Function",
        _edge("function handler(event) { return 1 }"),
        _edge("function handler(event) { return 2 }"),
        edge,
        "function handler(event) { return 2 }",
        attributes=("FunctionARN", "FunctionMetadata.FunctionARN", "Stage"),
    ),
    "saved query": Case(
        "AWS::Logs::QueryDefinition",
        {"Name": "NAME", "QueryString": "fields one", "LogGroupNames": ["NAME"]},
        {"Name": "NAME", "QueryString": "fields two", "LogGroupNames": ["NAME"]},
        query,
        ["fields two", ["NAME"]],
        attributes=("QueryDefinitionId",),
    ),
    "document": Case("AWS::SSM::Document", _document("one", "a"), _document("two", "b"), document, ["two", tags("b")]),
    "user pool": Case(
        "AWS::Cognito::UserPool",
        {"UserPoolName": "NAME", "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False}},
        {
            "UserPoolName": "NAME",
            "AutoVerifiedAttributes": ["email"],
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        },
        pool,
        [["email"], True],
        attributes=("Arn", "ProviderName", "ProviderURL", "UserPoolId"),
    ),
    "user pool client": Case(
        "AWS::Cognito::UserPoolClient",
        {**IN_POOL, "ClientName": "one", "CallbackURLs": ["https://example.com/one"]},
        {**IN_POOL, "ClientName": "two", "CallbackURLs": ["https://example.com/two"]},
        pool_client,
        ["two", ["https://example.com/two"]],
        {"Pool": POOL},
        ("ClientId",),
    ),
    "user pool domain": Case(
        "AWS::Cognito::UserPoolDomain",
        {**IN_POOL, "Domain": "NAME"},
        {**IN_POOL, "Domain": "NAME"},
        pool_domain,
        "NAME",
        {"Pool": POOL},
    ),
    "web acl": Case(
        "AWS::WAFv2::WebACL",
        _acl("one", "a", "first"),
        _acl("two", "b", "second"),
        acl,
        ["two", ["second"], tags("b")],
        attributes=("Arn", "Capacity", "Id", "LabelNamespace"),
    ),
    "authorizer": Case(
        "AWS::ApiGateway::Authorizer",
        {
            "RestApiId": ref("Api"),
            "Name": "one",
            "Type": "COGNITO_USER_POOLS",
            "IdentitySource": "method.request.header.One",
            "ProviderARNs": [get("Pool")],
        },
        {
            "RestApiId": ref("Api"),
            "Name": "two",
            "Type": "COGNITO_USER_POOLS",
            "IdentitySource": "method.request.header.Two",
            "ProviderARNs": [get("Pool")],
        },
        authorizer,
        [["two", "method.request.header.Two"]],
        {"Pool": POOL, "Api": resource("AWS::ApiGateway::RestApi", Name="NAME")},
        ("AuthorizerId",),
    ),
}
