"""What CodePipeline refuses before anything is made."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from workshop import Declared, Workshop, action, approval, stage


def refusal(workshop: Workshop, declared: Declared) -> tuple[str, str]:
    """Return the code and message with which a pipeline is refused; none of it must remain."""
    with pytest.raises(ClientError) as refused:
        workshop.api.create_pipeline(pipeline=declared)
    with pytest.raises(workshop.api.exceptions.PipelineNotFoundException):
        workshop.api.get_pipeline(name=declared["name"])
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_a_pipeline_needs_two_stages(workshop: Workshop) -> None:
    code, message = refusal(workshop, workshop.declare())
    assert code == "InvalidStructureException"
    assert message == "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline"


BAD_STAGES: dict[str, tuple[str, list[Declared]]] = {
    "an artifact that nobody makes": (
        "Input Artifact Bundle Missing in action Build is not declared",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Missing"]))],
    ),
    "an artifact that is made at the same time": (
        "Input Artifact Bundle Same in action Two is not declared",
        [
            stage(
                "Build",
                action("One", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Code"], makes=["Same"]),
                action("Two", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Same"]),
            )
        ],
    ),
    "an artifact made twice": (
        "Output Artifact Bundle name must be unique",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Code"], makes=["Code"]))],
    ),
    "no input artifact": (
        "declares 0 input artifacts which is less than the minimum count (1)",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}))],
    ),
    "no project": (
        "missing required configuration 'ProjectName'",
        [stage("Build", action("Build", "Build/CodeBuild", takes=["Code"]))],
    ),
    "an unknown setting": (
        "contains unknown configuration 'Colour'",
        [stage("Approval", approval(configuration={"Colour": "red"}))],
    ),
    "a provider that is not there": (
        "does not implement Deploy/AWS/ECS",
        [stage("Deploy", action("Deploy", "Deploy/ECS", takes=["Code"]))],
    ),
    "two stages of one name": (
        "Same has been used more than once",
        [stage("Same", approval()), stage("Same", approval())],
    ),
    "two actions of one name": ("Approve has been used more than once", [stage("Twice", approval(), approval())]),
    "a late source": (
        "Only the first stage can contain source actions",
        [stage("Late", action("S", "Source/CodeCommit", {"RepositoryName": "r", "BranchName": "b"}, makes=["X"]))],
    ),
    "a first stage without source": (
        "should start with a stage that only contains source actions",
        [stage("Source", approval()), stage("Next", approval())],
    ),
}


@pytest.mark.parametrize("case", BAD_STAGES)
def test_a_bad_structure_is_refused(workshop: Workshop, case: str) -> None:
    expected, stages = BAD_STAGES[case]
    code, message = refusal(workshop, workshop.declare(*stages))
    assert code in ("InvalidStructureException", "InvalidActionDeclarationException")
    assert expected in message


def test_the_role_must_trust_codepipeline(workshop: Workshop) -> None:
    stranger = workshop.sandbox.role("not-for-pipelines", "lambda.amazonaws.com")
    _, message = refusal(workshop, workshop.declare(stage("Approval", approval()), roleArn=stranger))
    assert f"CodePipeline is not authorized to perform AssumeRole on role {stranger}" in message
