"""What is no template: refused in CloudFormation's words, with nothing made."""

from __future__ import annotations

import json

import pytest
from harness import Sandbox
from stacks import Stacks

A = "{Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}"
ONE = f"Resources: {{A: {A}}}\n"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def with_attribute(attribute: str) -> str:
    return f"Resources: {{A: {A[:-1]}, {attribute}}}}}"


def many(section: str, count: int, item: str) -> str:
    return f"{section}:\n" + "".join(f"  N{index}: {item}\n" for index in range(count))


FORMAT = [
    ('{"Resources": {', "Template format error: JSON not well-formed. (line 1, column 16)"),
    ('{"Resources": {"A": 1}} x', "Template format error: JSON not well-formed. (line 1, column 25)"),
    ('{"Resources": {"A": {}, "A": {}}}', "Template format error: duplicate key A"),
    ("Resources:\n  A: [", "Template format error: YAML not well-formed. (line 2, column 7)"),
    ("Resources:\n  A: {Type: x}\n  A: {Type: y}", "Template format error: duplicate key A (line 2, column 3)"),
    ("Resources: {A: &a {Type: X}, B: *a}", "Template error: YAML aliases are not allowed in CloudFormation templates"),
    ("Resources: {A: {<<: {Type: X}}}", "Template format error: "),
    ("Resources: {A: !!binary aaaa}", "Template format error: YAML not well-formed."),
    ("Resources: {1: {Type: X}}",
     "Template format error: [/Resources] map keys must be strings; received numeric [1] instead"),
    ("Resources: {Yes: {Type: X}}", "[/Resources] map keys must be strings; received boolean [true] instead"),
    ("Resources: {? {a: b} : {Type: X}}", "Template format error: YAML not well-formed. (line 1, column 15)"),
    ('{"Resources": {"A": {"Type": NaN}}}', "Template format error: JSON not well-formed"),
    ('{"Resources": {}} // none', "Template format error: JSON not well-formed. (line 1, column 19)"),
    ("a: " + "[" * 5000, "nested in more than 100 levels"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "nested in more than 100 levels"),
    ("Resources: {A: {Type: X, Metadata: " + "{a: " * 150 + "b" + "}" * 150 + "}}", "nested in more than 100 levels"),
    ("Resources: {A: {Type: X, Properties: }}", "[/Resources/A/Properties] 'null' values are not allowed in templates"),
    ("- a\n- b", "Template format error: unsupported structure."),
    ("AWSTemplateFormatVersion: 2010-09-08\n" + ONE,
     "Template format error: 2010-09-08 is not a supported value for AWSTemplateFormatVersion."),
    ("Description: [a]\n" + ONE, "Template format error: Every Description member must be a string."),
    ("Globals: {}\n" + ONE, "Invalid template property or properties [Globals]"),
    ("Resources: [a]", "[/Resources] section must be a map; received a list instead"),
    ("Resources: {A: [a]}", "Template format error: Any Resources member must be an object."),
    ("Outputs: {O: [a]}\n" + ONE, "Template format error: Any Outputs member must be an object."),
    ("Parameters: {P: [a]}\n" + ONE, "Template format error: Any Parameters member must be an object."),
    (f"Resources: {{my-a: {A}}}", "Template format error: Resource name my-a is non alphanumeric."),
    ("Parameters: {my_p: {Type: String}}\n" + ONE, "Template format error: Parameter name my_p is non alphanumeric."),
    ("Outputs: {my-o: {Value: a}}\n" + ONE, "Template format error: Outputs name 'my-o' is non alphanumeric."),
    (f"Resources: {{{'A' * 256}: {A}}}", "is longer than 255 characters."),
    ("Parameters: {A: {Type: String}}\n" + ONE, "all resources and parameters must have unique names. Common name(s)"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "told"), FORMAT)
def test_what_is_no_template_is_refused(stacks: Stacks, template: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html."""
    assert told in stacks.refusal(template)


ATTRIBUTES = [
    ("Conditon: B", "Invalid template resource property 'Conditon'"),
    ("Condition: [B]", "Template format error: Every Condition member must be a string."),
    ("DependsOn: {B: C}", "Template format error: DependsOn must be a string or list of strings."),
    ("DependsOn: [!Ref B]", "Template format error: DependsOn must be a string or list of strings."),
    ("DependsOn: B", "Unresolved resource dependencies [B] in the Resources block of the template"),
    ("DependsOn: A", "Circular dependency between resources: [A]"),
    ("DeletionPolicy: Keep", "Template format error: Unrecognized DeletionPolicy Keep for resource A"),
    ("DeletionPolicy: !Ref AWS::Region", "Template format error: Every DeletionPolicy member must be a string."),
    ("UpdateReplacePolicy: RetainExceptOnCreate",
     "Template format error: Unrecognized UpdateReplacePolicy RetainExceptOnCreate for resource A"),
    ("DeletionPolicy: Snapshot",
     "Template error: resource type AWS::SSM::Parameter does not support deletion policy Snapshot"),
    ("Metadata: a", "Every Metadata member must be an object."),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "told"), ATTRIBUTES)
def test_an_attribute_that_is_none_is_refused(stacks: Stacks, attribute: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-product-attribute-reference.html."""
    assert told in stacks.refusal(with_attribute(attribute))


def test_attributes_without_effect_on_a_type_are_kept(stacks: Stacks) -> None:
    policies = "CreationPolicy: {ResourceSignal: {Count: 1}}, UpdatePolicy: {AutoScalingRollingUpdate: {}}"
    kept = with_attribute(f"{policies}, Metadata: {{Told: !Ref AWS::Region}}, DeletionPolicy: RetainExceptOnCreate")
    assert stacks.create(kept)["StackStatus"] == "CREATE_COMPLETE"


def test_a_policy_that_would_be_ignored_is_refused(stacks: Stacks) -> None:
    deploys = "Resources: {A: {Type: AWS::Lambda::Alias, UpdatePolicy: {CodeDeployLambdaAliasUpdate: {}}}}"
    assert "The sandbox does not execute the UpdatePolicy of AWS::Lambda::Alias." in stacks.refusal(deploys)


OUTPUTS = [
    ("{Value: [a]}", "The Value field of every Outputs member must evaluate to a String and not a List."),
    ("{Value: {a: b}}", "The Value field of every Outputs member must evaluate to a String and not a Map."),
    ("{Value: !Split [',', 'a,b']}", "The Value field of every Outputs member must evaluate to a String."),
    ("{Value: !Ref AWS::NoValue}", "The Value field of every Outputs member must evaluate to a String."),
    ("{Valu: a}", "Invalid outputs property : [Valu]"),
    ("{Value: a, Export: {Name: a b}}", "Output O is malformed. The Name field of every Export member must be"),
    ("{Value: a, Export: {Nam: a}}", "Output O is malformed. The Name field of every Export member must be"),
    ("{Value: !Ref B}", "Unresolved resource dependencies [B] in the Outputs block of the template"),
    ("{Value: a, Condition: C}", "Unresolved condition dependency C in the Outputs block of the template"),
]


@pytest.mark.parametrize(("output", "told"), OUTPUTS)
def test_an_output_that_is_none_is_refused(stacks: Stacks, output: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html."""
    assert told in stacks.refusal(f"{ONE}Outputs: {{O: {output}}}")


MAPPINGS = [
    ("{M: a}", "Every Mappings member M must be a map"),
    ("{M: {a: b}}", "[/Mappings/M/a] Every Mappings attribute must be a map"),
    ("{M: {a: {b: {c: d}}}}", "[/Mappings/M/a/b] Every Mappings attribute must be a String or a List."),
    ("{M: {a: {b: !Ref AWS::Region}}}", "[/Mappings/M/a/b] Every Mappings attribute must be a String or a List."),
    ("{M: {a: {b_c: d}}}", "Mappings attribute name 'b_c' must contain only alphanumeric, '-' or '.'."),
    ("{m-n: {a: {b: c}}}", "Mappings name 'm-n' is non alphanumeric."),
    ("{M: {123456789012: {b: c}}}", "map keys must be strings; received numeric [123456789012] instead"),
]


@pytest.mark.parametrize(("mappings", "told"), MAPPINGS)
def test_a_mapping_that_is_none_is_refused(stacks: Stacks, mappings: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/mappings-section-structure.html."""
    assert told in stacks.refusal(f"{ONE}Mappings: {mappings}")


LIMITS = [
    (many("Resources", 501, A), "format error: Number of resources, 501, is greater than maximum allowed, 500"),
    (ONE + many("Parameters", 201, "{Type: String, Default: a}"),
     "Template format error: Number of parameters, 201, is greater than maximum allowed, 200"),
    (ONE + many("Outputs", 201, "{Value: a}"), "Number of outputs, 201, is greater than maximum allowed, 200"),
    (ONE + many("Mappings", 201, "{a: {b: c}}"), "Number of mappings, 201, is greater than maximum allowed, 200"),
    (f"Description: {'x' * 1025}\n{ONE}", "Template format error: 'Description' length is greater than 1024."),
    (ONE + json.dumps({f"k{index}": {"a": "b"} for index in range(201)}).join(("Mappings: {M: ", "}")),
     "Number of attributes in mapping M, 201, is greater than maximum allowed, 200"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "told"), LIMITS)
def test_a_template_over_the_limits_is_refused(stacks: Stacks, template: str, told: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""
    assert told in stacks.refusal(template)


def test_a_template_in_s3_has_a_limit_too(stacks: Stacks) -> None:
    s3 = stacks.sandbox.client("s3")
    s3.create_bucket(Bucket="language-limits")
    s3.put_object(Bucket="language-limits", Key="large.yaml", Body=f"{ONE}#{'x' * 1_000_000}".encode())
    told = stacks.refusal("", TemplateURL="https://language-limits.s3.amazonaws.com/large.yaml")
    assert told == "Template may not exceed 1000000 bytes in size."


def test_dates_stay_text_and_booleans_become_it(stacks: Stacks) -> None:
    template = f"""
    Mappings: {{M: {{a: {{version: 2012-10-17, flag: yes}}}}}}
    {ONE}
    Outputs: {{O: {{Value: !Join [" ", [!FindInMap [M, a, version], !FindInMap [M, a, flag]]]}}}}
    """
    assert stacks.outputs(stacks.create(template)) == {"O": "2012-10-17 true"}
