"""Workflow files of repositories on the git host run on a push, as git and `smproject sandbox` see it."""

from __future__ import annotations

import json
import textwrap
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from durable import Durable
from git_team import Found, Repository
from harness import ACCOUNTS, Sandbox, eventually
from persons import policy

GITHUB, GITLAB = ".github/workflows/build.yml", ".gitlab-ci.yml"
AUDIENCE = "sts.amazonaws.com"


@pytest.fixture
def repository(sandbox: Sandbox, tmp_path: Path) -> Repository:
    return Repository(sandbox, tmp_path / "clone")


def steps(run: Found) -> dict[str, str]:
    return {step["name"]: step["conclusion"] for job in run["jobs"] for step in job["steps"]}


def test_steps_run_in_their_order_with_their_environment(repository: Repository) -> None:
    repository.smproject("variables", repository.name, "WORD=from the owner")
    workflow = """
        name: all of it
        on: {push: {branches: [main]}}
        env: {A: workflow, B: workflow, C: workflow, D: workflow}
        jobs:
          build:
            runs-on: ubuntu-latest
            env: {B: job, C: job, D: job}
            steps:
              - uses: actions/checkout@v4
              - id: first
                run: |
                  test -f README.md
                  echo "C=of a step" >> "$GITHUB_ENV"
                  { echo "several<<END"; echo one; echo two; echo END; } >> "$GITHUB_OUTPUT"
              - name: tell
                env: {D: step, SHA: "${{ github.sha }}", WORD: "${{ vars.WORD }}"}
                run: echo "$A, $B, $C, $D, $WORD, ${{ steps.first.outputs.several }}, $SHA, $GITHUB_REF"
              - run: echo "# Done" >> "$GITHUB_STEP_SUMMARY"
    """
    run = repository.run({GITHUB: workflow})

    assert run["conclusion"] == "success", run["log"]
    assert run["workflow"] == "all of it"
    wanted = f"workflow, job, of a step, step, from the owner, one\ntwo, {run['commit']}, refs/heads/main\n"
    assert wanted in run["log"]
    assert run["summary"] == "# Done\n"


def test_a_failed_step_ends_the_job_and_those_that_need_it(repository: Repository) -> None:
    workflow = """
        on: push
        jobs:
          last:
            needs: first
            runs-on: ubuntu-latest
            steps: [{run: echo never}]
          first:
            runs-on: ubuntu-latest
            steps:
              - {name: fails, run: "false; echo unreachable"}
              - {name: skipped, run: echo never}
              - {name: always, if: always(), run: echo at the end}
              - {name: told, if: "failure() && github.ref_name == 'main'", run: echo it failed}
    """
    run = repository.run({GITHUB: workflow})

    assert run["conclusion"] == "failure"
    assert steps(run) == {"fails": "failure", "skipped": "skipped", "always": "success", "told": "success"}
    assert [(job["name"], job["conclusion"]) for job in run["jobs"]] == [("first", "failure"), ("last", "skipped")]
    assert "Process completed with exit code 1." in run["log"]
    assert "never" not in run["log"]


def test_only_pushes_to_its_branches_start_a_workflow(repository: Repository) -> None:
    job = "jobs: {a: {runs-on: x, steps: [{run: echo}]}}"
    files = {
        GITHUB: f"on: {{push: {{branches: [main, 'release/*']}}}}\n{job}",
        ".github/workflows/pulls.yml": f"on: pull_request\n{job}",
        ".github/workflows/others.yml": f"on: {{push: {{branches-ignore: ['**']}}}}\n{job}",
    }
    repository.push(files, "feature")
    repository.run(files, "release/1")
    assert [(run["branch"], run["file"]) for run in repository.runs()] == [("release/1", GITHUB)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on: schedule\njobs: {}", "'schedule' of"),
        ("on: push\nenvy: {}\njobs: {}", "'envy' of"),
        ("on: push\njobs: {a: {runs-on: x, strategy: {}, steps: [{run: echo}]}}", "'strategy' of jobs.a"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{uses: docker/login-action@v3}]}}", "action docker/login-action@v3"),
        (
            "on: push\njobs: {a: {runs-on: x, steps: [{uses: actions/checkout@v4, with: {ref: x}}]}}",
            "'ref' of the action actions/checkout@v4",
        ),
        ("on: push\njobs: {a: {runs-on: x, timeout-minutes: ten, steps: [{run: echo}]}}", "a.timeout-minutes: ten"),
        ("on: push\njobs: {}", "it has no jobs"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: echo, shell: pwsh}]}}", "the shell pwsh"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ secrets.KEY }}'}]}}", "expression secrets.KEY"),
        ("on: {pull_request: {types: [labeled]}}\njobs: {}", "the type labeled of on.pull_request"),
        ("on: push\npermissions: {all: write}\njobs: {a: {runs-on: x, steps: [{run: echo}]}}", "'all' of"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ hashFiles() }}'}]}}", "expression hashFiles()"),
        (
            "on: push\njobs:\n"
            "  a: {runs-on: x, needs: b, steps: [{run: echo}]}\n  b: {runs-on: x, needs: a, steps: [{run: echo}]}",
            "the jobs a, b need one another",
        ),
        ("on: [push", "it is no YAML"),
    ],
)
def test_what_the_sandbox_does_not_know_is_refused_by_its_name(repository: Repository, text: str, told: str) -> None:
    run = repository.run({GITHUB: text})
    assert (run["conclusion"], run["jobs"]) == ("failure", [])
    assert told in run["message"]


def test_runs_of_one_group_wait_for_one_another(repository: Repository) -> None:
    marks = repository.folder.parent / "marks"
    workflow = f"""
        on: push
        concurrency: {{group: "only ${{{{ github.ref }}}}", cancel-in-progress: false}}
        jobs:
          a:
            runs-on: x
            steps: [{{run: "echo begin >> {marks}; sleep 1; echo end >> {marks}"}}]
    """
    repository.push({GITHUB: workflow})
    repository.run({GITHUB: workflow})
    assert marks.read_text().split() == ["begin", "end", "begin", "end"]


def test_a_job_ends_when_its_time_is_up(repository: Repository) -> None:
    workflow = "on: push\njobs: {a: {runs-on: x, timeout-minutes: 0.01, steps: [{run: sleep 60}]}}"
    run = repository.run({GITHUB: workflow})
    assert run["conclusion"] == "failure"
    assert "The job has exceeded its time of 0.01 minutes." in run["log"]


def trusting(repository: Repository, host: str, branch: str) -> str:
    """Return the ARN of a role that the workflows of a repository's branch may assume."""
    issuer, subject = {
        "GitHub": ("token.actions.githubusercontent.com", "repo:{}:ref:refs/heads/" + branch),
        "GitLab": ("gitlab.com", "project_path:{}:ref_type:branch:ref:" + branch),
    }[host]
    said = repository.smproject("variables", repository.name)
    named = next(word for word in said.split() if f"{word} ({host})" in said)
    iam = repository.sandbox.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=[AUDIENCE])
    provider = f"arn:aws:iam::{ACCOUNTS['development']}:oidc-provider/{issuer}"
    exact = {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": subject.format(named)}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": exact},
    }
    name = f"workflow-{uuid.uuid4().hex[:8]}"
    return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(statement))["Role"]["Arn"])


WORKFLOWS = {
    "GitHub": {
        GITHUB: """
            on: push
            permissions: {}
            jobs:
              a:
                runs-on: ubuntu-latest
                permissions: {id-token: write}
                steps:
                  - uses: aws-actions/configure-aws-credentials@v6
                    with: {role-to-assume: "${{ vars.AWS_ROLE_ARN }}", aws-region: us-east-1}
                  - run: aws sts get-caller-identity; echo "$AWS_SECRET_ACCESS_KEY"
        """
    },
    "GitLab": {
        GITLAB: """
            stages: [build]
            a:
              stage: build
              rules:
                - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH != "other"
              id_tokens: {TOKEN: {aud: sts.amazonaws.com}}
              variables: {AWS_WEB_IDENTITY_TOKEN_FILE: $CI_PROJECT_DIR/token, AWS_DEFAULT_REGION: us-east-1}
              script:
                - printf %s "$TOKEN" > token
                - aws sts get-caller-identity
                - echo "$TOKEN"
        """
    },
}


@pytest.mark.parametrize("host", WORKFLOWS)
def test_a_workflow_assumes_the_role_that_trusts_its_branch_and_no_other(repository: Repository, host: str) -> None:
    role = trusting(repository, host, "main")
    repository.smproject("variables", repository.name, f"AWS_ROLE_ARN={role}")

    run = repository.run(WORKFLOWS[host])
    assert run["conclusion"] == "success", run["log"]
    assert f"assumed-role/{role.rpartition('/')[2]}/" in run["log"]
    assert run["log"].rstrip().endswith("***")

    run = repository.run(WORKFLOWS[host], "feature")
    assert run["conclusion"] == "failure"
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in run["log"]

    stranger = Repository(repository.sandbox, repository.folder.parent / "stranger")
    stranger.smproject("variables", stranger.name, f"AWS_ROLE_ARN={role}")
    run = stranger.run(WORKFLOWS[host])
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in run["log"]


def test_a_job_without_the_permission_gets_no_token(repository: Repository) -> None:
    text = textwrap.dedent(WORKFLOWS["GitHub"][GITHUB]).replace("permissions: {id-token: write}", "")
    repository.smproject("variables", repository.name, "AWS_ROLE_ARN=arn:aws:iam::222222222222:role/any")
    assert "the job lacks permission id-token: write" in repository.run({GITHUB: text})["log"]


def test_gitlab_s_jobs_run_by_stage_and_rule(repository: Repository) -> None:
    pipeline = """
        stages: [first, second]
        default: {image: python:3.13}
        variables: {WORD: of the file, OWN: of the file, LONG: "${WORD}, $OWN, $SET, $CI_COMMIT_BRANCH"}
        .hidden: {script: [echo never]}
        later: {stage: second, variables: {OWN: of the job, SET: of the job}, script: [echo "later $LONG"]}
        never:
          stage: first
          rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]
          script: [echo never]
        earlier: {stage: first, script: ["export HERE=kept", "test -f README.md", 'echo "$HERE in $CI_JOB_STAGE"']}
    """
    repository.smproject("variables", repository.name, "SET=of the owner")
    run = repository.run({GITLAB: pipeline})
    assert run["conclusion"] == "success", run["log"]
    assert [job["name"] for job in run["jobs"]] == ["earlier", "later"]
    assert "kept in first" in run["log"] and "later of the file, of the job, of the owner, main" in run["log"]
    assert "earlier: image has no effect" in run["log"]

    run = repository.run({GITLAB: "a: {script: [echo], cache: {paths: [x]}}"})
    assert "the sandbox does not implement 'cache' of a" in run["message"]
    run = repository.run({GITLAB: "include: [x.yml]\na: {script: [echo]}"})
    assert "the sandbox does not implement 'include' of .gitlab-ci.yml" in run["message"]


def test_the_command_shows_runs_and_refuses_what_is_not_there(repository: Repository) -> None:
    repository.run({GITHUB: "on: push\njobs: {a: {runs-on: x, steps: [{run: echo hello}]}}"})
    assert "success  main" in repository.smproject("runs", repository.name)
    assert "hello\n" in repository.smproject("runs", repository.name, "--log")
    assert json.loads(repository.smproject("runs", repository.name, "--output", "json")) == repository.runs()
    assert "Repository team/absent does not exist" in repository.smproject("runs", "team/absent", status=1)
    assert "Give NAME=VALUE" in repository.smproject("variables", repository.name, "ALONE", status=1)


def test_a_run_that_a_kill_cuts_off_has_failed_and_earlier_ones_are_there(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    repository = Repository(durable.up(), tmp_path / "clone")
    repository.run({GITHUB: "on: push\njobs: {a: {runs-on: x, steps: [{run: echo hello}]}}"})
    repository.push({GITHUB: "on: push\njobs: {a: {runs-on: x, steps: [{run: sleep 60}]}}"})
    eventually(lambda: repository.runs()[0]["status"] == "in_progress")
    durable.saved()
    durable.kill()
    durable.up()

    cut, earlier = repository.runs()
    assert (cut["status"], cut["conclusion"]) == ("completed", "failure")
    assert "The sandbox was stopped while this was under way" in cut["message"]
    assert earlier["conclusion"] == "success" and "hello" in earlier["log"]
    durable.kill()
