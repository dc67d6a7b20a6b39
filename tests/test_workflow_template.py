"""What the model-build-workflow template, its seed's workflows and the code that they run expect of one another."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from policies import ROOT, load, resources, statements

from smproject import catalog

TEMPLATE = load(ROOT / "project_templates/model-build-workflow/template.yaml")
SEED = ROOT / "seedcode/model-build-workflow"
GITHUB, GITLAB = SEED / ".github/workflows/model_build.yml", SEED / ".gitlab-ci.yml"
# What builds, whoever runs it: the commands of the seed's own programs, in their order.
PROGRAMS = re.compile(r"python -m (?:compileall|pipelines\.)[^)\n]*")


def programs(text: str) -> list[str]:
    return [found.strip().rstrip('"') for found in PROGRAMS.findall(text)]


def github_job(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(GITHUB.read_text())["jobs"][name]
    return found


def gitlab_job(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(GITLAB.read_text())[name]
    return found


def test_the_workflow_reads_every_setting_that_the_code_requires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    variables = importlib.import_module("pipelines.build.tabular.settings").VARIABLES
    value = resources(TEMPLATE, "AWS::SSM::Parameter")["BuildSettings"]["Value"]["Fn::Sub"]
    given = {line.partition("=")[0] for line in value.splitlines()}
    # The workflow itself sets the Region.
    assert given == {each.name for each in variables.values() if each.default is None} - {"AWS_REGION"}


def test_both_hosts_run_what_codebuild_runs() -> None:
    wanted = programs((ROOT / "buildspecs/model_build.yml").read_text())
    assert len(wanted) == 6
    assert programs("\n".join(step.get("run", "") for step in github_job("build")["steps"])) == wanted
    assert programs("\n".join(gitlab_job("build")["script"])) == wanted


def test_what_is_proposed_is_tested_without_aws() -> None:
    assert github_job("test")["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert github_job("test")["if"] == "github.event_name == 'pull_request'"
    assert github_job("build")["if"] == "github.event_name == 'push'"
    assert "id_tokens" not in gitlab_job("test")
    assert gitlab_job("test")["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert "aws" not in " ".join([str(github_job("test")), str(gitlab_job("test"))])


def test_only_the_build_gets_a_token_and_nothing_more() -> None:
    assert yaml.safe_load(GITHUB.read_text())["permissions"] == {}
    assert github_job("build")["permissions"] == {"contents": "read", "id-token": "write"}
    assert gitlab_job("build")["id_tokens"] == {"AWS_ID_TOKEN": {"aud": "sts.amazonaws.com"}}
    (duration,) = {resources(TEMPLATE, "AWS::IAM::Role")["BuildRole"]["MaxSessionDuration"]}
    assert github_job("build")["timeout-minutes"] * 60 == duration


def test_actions_are_pinned_by_commit_with_their_version_beside() -> None:
    used = [line.strip() for line in GITHUB.read_text().splitlines() if "uses:" in line]
    assert used
    assert all(re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in used)


def test_the_development_branch_s_settings_come_behind_and_win() -> None:
    value = resources(TEMPLATE, "AWS::SSM::Parameter")["DevelopmentWorkflowSettings"]["Value"]["Fn::Sub"]
    assert [line.partition("=")[0] for line in value.splitlines()] == ["PIPELINE_VARIANT", "MODEL_PACKAGE_GROUP_NAME"]


def test_the_role_trusts_branches_of_one_repository_to_the_letter() -> None:
    role = resources(TEMPLATE, "AWS::IAM::Role")["BuildRole"]
    subjects = [
        value
        for statement in statements(role["AssumeRolePolicyDocument"])
        for key, values in statement["Condition"].get("StringEquals", {}).items()
        if key.endswith(":sub")
        for value in values
    ]

    def named(branch: str) -> list[dict[str, str]]:
        of_github = f"repo:${{BuildRepository}}:ref:refs/heads/${{{branch}}}"
        return [
            {"Fn::Sub": each}
            for each in (of_github, f"project_path:${{BuildRepository}}:ref_type:branch:ref:${{{branch}}}")
        ]

    (main, other), absent = (named("BuildBranch"), named("DevelopmentBranch")), {"Ref": "AWS::NoValue"}
    developed = [{"Fn::If": ["HasDevelopmentBranch", each, absent]} for each in other]
    assert subjects == [main[0], developed[0], main[1], developed[1]]
    names = ("BuildRepository", "BuildBranch", "DevelopmentBranch")
    patterns = [TEMPLATE["Parameters"][name]["AllowedPattern"] for name in names]
    for pattern in patterns:
        assert not any(re.search(pattern, text) for text in ("team/*", "team/ch?rn", "team/${x}", "*"))
    assert re.search(patterns[0], "team@12/churn@34") and re.search(patterns[0], "group/sub/churn")


def test_the_build_may_do_what_codebuild_s_may_but_hand_over() -> None:
    own = load(ROOT / "project_templates/model-build/template.yaml")
    shared = resources(TEMPLATE, "AWS::IAM::Policy")["BuildPolicy"]
    assert shared == resources(own, "AWS::IAM::Policy")["BuildPolicy"]
    sids = {each["Sid"] for each in statements(resources(TEMPLATE, "AWS::IAM::Role")["BuildRole"]["Policies"])}
    assert sids == {"ReadSettings"}


def test_the_stack_takes_no_seed_because_the_repository_is_the_team_s() -> None:
    (seed,) = catalog.template("model-build-workflow").seeds
    assert not seed.parameter
    assert not any("Seed" in name for name in TEMPLATE["Parameters"])


def lint(github: Path, gitlab: Path) -> tuple[str, str]:
    """What `make check` says of the two files, each linted by itself; nothing where nothing is wrong."""
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    programs = (["jactionlint", "--shellcheck=", str(github)], ["check-jsonschema", *schema, str(gitlab)])
    said = []
    for name, *words in programs:
        command = [str(Path(sys.executable).with_name(name)), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said.append(done.stdout if done.returncode else "")
    return said[0], said[1]


def test_the_workflows_pass_the_linters(tmp_path: Path) -> None:
    assert lint(GITHUB, GITLAB) == ("", "")

    github, gitlab = tmp_path / "workflow.yml", tmp_path / ".gitlab-ci.yml"
    github.write_text(re.sub("@[0-9a-f]{40}", "@v7", GITHUB.read_text()).replace("github.sha", "github.commit"))
    gitlab.write_text(GITLAB.read_text().replace("id_tokens:", "id_token:").replace("timeout: 2h", "timeout: [2]"))
    of_github, of_gitlab = lint(github, gitlab)
    assert "unpinned-uses" in of_github and 'property "commit" is not defined' in of_github
    assert "timeout" in of_gitlab
