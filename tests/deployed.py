"""A template as CloudFormation would have it with given parameters: every name and every policy spelled out."""

import re
from pathlib import Path
from typing import Any

from policies import ROOT, load, statements

REGION = "us-east-1"
NO_VALUE = object()
# ARNs of the types whose `Arn` policies name, by what their name's property holds.
ARNS = {
    "AWS::CodeBuild::Project": ("codebuild:{region}:{account}:project/{name}", "Name"),
    "AWS::CodeCommit::Repository": ("codecommit:{region}:{account}:{name}", "RepositoryName"),
    "AWS::ECR::Repository": ("ecr:{region}:{account}:repository/{name}", "RepositoryName"),
    "AWS::IAM::Role": ("iam::{account}:role/{name}", "RoleName"),
    "AWS::S3::Bucket": ("s3:::{name}", "BucketName"),
    "AWS::SageMaker::ModelPackageGroup": ("sagemaker:{region}:{account}:model-package-group/{name}", None),
}


class Deployed:
    """A template with parameters, in an account. Defaults count; keys have ids that say account and logical id."""

    def __init__(self, template: str, account: str, **parameters: str) -> None:
        self.template = load(Path(ROOT / "project_templates" / template / "template.yaml"))
        self.account = account
        defaults = {name: str(item.get("Default", "")) for name, item in self.template["Parameters"].items()}
        unknown = parameters.keys() - defaults.keys()
        assert not unknown, f"{template} has no parameters {unknown}"
        self.values = {**defaults, **parameters, **self._pseudo()}

    def _pseudo(self) -> dict[str, str]:
        partition = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
        return {**partition, "AWS::Region": REGION, "AWS::AccountId": self.account}

    def resources(self, type_: str) -> dict[str, Any]:
        """Properties of the resources of a type, by logical id."""
        found = self.template["Resources"].items()
        return {
            key: self.resolve(item["Properties"]) for key, item in found if item["Type"] == type_ and self._is(item)
        }

    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return {key: self.resolve(item["Value"]) for key, item in self.template["Outputs"].items() if self._is(item)}

    def refused(self) -> list[str]:
        """What the template's rules say against the parameters."""
        rules = self.template.get("Rules", {}).values()
        asked = [rule for rule in rules if "RuleCondition" not in rule or self._holds(rule["RuleCondition"])]
        assertions = [each for rule in asked for each in rule["Assertions"]]
        return [each["AssertDescription"] for each in assertions if not self._holds(each["Assert"])]

    def granted(self, role: str) -> list[dict[str, Any]]:
        """Every statement that the policies of a role, given by its name, allow."""
        roles = self.resources("AWS::IAM::Role")
        (key,) = (key for key, item in roles.items() if item["RoleName"] == role)
        attached = [item for item in self.resources("AWS::IAM::Policy").values() if role in item["Roles"]]
        managed = self.resources("AWS::IAM::ManagedPolicy").values()
        attached += [item for item in managed if item["ManagedPolicyName"] in roles[key].get("ManagedPolicyArns", [])]
        return [each for each in statements([roles[key]["Policies"], attached]) if each["Effect"] == "Allow"]

    def resolve(self, value: Any) -> Any:
        """A value with its functions carried out; what has no value is left out."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (function := next(iter(value))) in ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If"):
            return self._call(function, value[function])
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return NO_VALUE if argument == "AWS::NoValue" else self._named(argument)
        if function == "Fn::GetAtt":
            return self._named(argument if isinstance(argument, str) else ".".join(argument))
        if function == "Fn::Sub":
            return re.sub(r"\$\{([\w:.]+)\}", lambda match: self._named(match[1]), argument)
        condition, then, otherwise = argument
        return self.resolve(then if self._holds(self.template["Conditions"][condition]) else otherwise)

    def _is(self, item: dict[str, Any]) -> bool:
        return "Condition" not in item or self._holds(self.template["Conditions"][item["Condition"]])

    def _holds(self, condition: dict[str, Any]) -> bool:
        ((function, arguments),) = condition.items()
        if function == "Condition":
            return self._holds(self.template["Conditions"][arguments])
        if function == "Fn::Equals":
            first, second = (self.resolve(argument) for argument in arguments)
            return bool(first == second)
        outcomes = [self._holds(argument) for argument in arguments]
        return {"Fn::Not": not outcomes[0], "Fn::And": all(outcomes), "Fn::Or": any(outcomes)}[function]

    def _named(self, name: str) -> str:
        """What `Ref name` or `GetAtt resource.attribute` gives."""
        if name in self.values:
            return self.values[name]
        key, _, attribute = name.partition(".")
        item = self.template["Resources"][key]
        properties = item["Properties"]
        if item["Type"] == "AWS::KMS::Key":
            return f"arn:aws:kms:{REGION}:{self.account}:key/{key}" if attribute else key
        if attribute in properties:
            return str(self.resolve(properties[attribute]))
        label = ARNS.get(item["Type"], ("", None))[1] or next(each for each in properties if each.endswith("Name"))
        own = str(self.resolve(properties[label]))
        if not attribute.endswith("Arn"):
            return own
        return "arn:aws:" + ARNS[item["Type"]][0].format(region=REGION, account=self.account, name=own)
