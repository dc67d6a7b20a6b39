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


def proposed(repository: Repository, files: dict[str, str], **more: str) -> str:
    """Put files on main, change something on a branch, and propose that; return the branch's commit."""
    repository.push(files)
    commit = repository.push({"b.txt": "two\n"}, "change")
    repository.propose(**more)
    return commit


def test_a_pull_request_starts_the_workflows_that_ask_for_it(repository: Repository) -> None:
    workflow = """
        on: {pull_request: {branches: [main]}}
        jobs:
          check:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: |
                  echo "is $(git rev-parse HEAD) $GITHUB_SHA of $(git rev-list --count HEAD)"
                  echo "on $GITHUB_EVENT_NAME $GITHUB_REF $GITHUB_REF_NAME $GITHUB_HEAD_REF $GITHUB_BASE_REF"
                  python3 -c 'import json, os; e = json.load(open(os.environ["GITHUB_EVENT_PATH"]))
                  print("told", e["action"], e["number"], e["pull_request"]["head"]["sha"])'
                  echo "# Compared" >> "$GITHUB_STEP_SUMMARY"
              - if: github.event_name == 'pull_request' && github.event.pull_request.base.ref == 'main'
                run: echo "number ${{ github.event.number }}, ${{ github.event.pull_request.head.sha }}"
    """
    files = {GITHUB: workflow, ".github/workflows/other.yml": workflow.replace("[main]", "[other]")}
    commit = proposed(repository, files)

    run = repository.ended("pull_request")

    assert run["conclusion"] == "success", run["log"]
    assert (run["pull_request"], run["branch"], run["commit"]) == (1, "change", commit)
    merge = repository.pull()["merge_commit_sha"]
    assert f"is {merge} {merge} of 1\n" in run["log"]
    assert "on pull_request refs/pull/1/merge 1/merge change main\n" in run["log"]
    assert f"told opened 1 {commit}\n" in run["log"]
    assert f"number 1, {commit}\n" in run["log"]
    assert "# Compared\n" in repository.smproject("runs", repository.name, "--log")

    repository.push({"c.txt": "three\n"}, "change")
    assert repository.ended("pull_request", 2)["conclusion"] == "success"
    assert [each["file"] for each in repository.runs()] == [GITHUB, GITHUB]


def test_types_choose_what_happens_to_a_pull_request(repository: Repository) -> None:
    job = "jobs: {a: {runs-on: x, steps: [{run: 'echo at $GITHUB_REF $GITHUB_SHA'}]}}"
    proposed(repository, {GITHUB: f"on: {{pull_request: {{types: [closed]}}}}\n{job}"})
    commit = repository.ask("PUT", "/pulls/1/merge", {})[1]["sha"]
    run = repository.ended("pull_request")
    assert f"at refs/heads/main {commit}\n" in run["log"]
    assert len(repository.runs()) == 1


def test_a_pull_request_that_conflicts_starts_no_workflow(repository: Repository) -> None:
    repository.push({GITHUB: "on: [push, pull_request]\njobs: {a: {runs-on: x, steps: [{run: echo}]}}"})
    first = repository.git("rev-parse", "HEAD").strip()
    repository.push({"a.txt": "mine\n"})
    repository.git("reset", "--quiet", "--hard", first)
    repository.push({"a.txt": "theirs\n"}, "change")
    assert repository.propose()["mergeable"] is False
    assert {run["event"] for run in repository.runs()} == {"push"}


def test_a_checkout_brings_the_history_that_is_asked_for(repository: Repository) -> None:
    workflow = """
        on: push
        permissions: {contents: write}
        jobs:
          a:
            runs-on: x
            steps:
              - uses: actions/checkout@v4
                with: {fetch-depth: 0}
              - run: |
                  echo "commits $(git rev-list --count HEAD) on $(git branch --show-current)"
                  echo "branches $(git for-each-ref --format='%(refname:short)' refs/remotes | sort | xargs)"
                  git push --quiet origin HEAD:refs/heads/made
    """
    repository.push({}, "other")
    run = repository.run({GITHUB: workflow})
    assert run["conclusion"] == "success", run["log"]
    assert "commits 2 on main\n" in run["log"]
    assert "branches origin/main origin/other\n" in run["log"]
    assert "refs/heads/made" in repository.git("ls-remote", "origin")
    assert {each["branch"] for each in repository.runs()} == {"main"}  # what a job's token does starts no workflow

    run = repository.run({GITHUB: workflow.replace("contents: write", "contents: read")})
    assert "Write access to repository not granted" in run["log"]
    run = repository.run({GITHUB: workflow.replace("fetch-depth: 0", "fetch-depth: 0, persist-credentials: false")})
    assert "could not read Username" in run["log"]


COMMENT = """
    on: pull_request
    permissions: {PERMISSIONS}
    jobs:
      say:
        runs-on: x
        steps:
          - env: {TOKEN: "${{ secrets.GITHUB_TOKEN }}", NUMBER: "${{ github.event.number }}"}
            run: |
              url="$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments"
              curl --silent --header "Authorization: Bearer $TOKEN" --data '{"body": "better by 0.01"}' "$url"
              echo "hidden $TOKEN"
"""


@pytest.mark.parametrize("scope", ["pull-requests", "issues"])
def test_a_step_comments_with_the_job_s_token(scope: str, repository: Repository) -> None:
    proposed(repository, {GITHUB: COMMENT.replace("PERMISSIONS", f"{scope}: write")})
    run = repository.ended("pull_request")
    [said] = repository.ask("GET", "/issues/1/comments")[1]
    assert (said["body"], said["user"]["login"]) == ("better by 0.01", "github-actions[bot]"), run["log"]
    assert "hidden ***\n" in run["log"]


def test_a_token_without_the_permission_comments_nothing(repository: Repository) -> None:
    proposed(repository, {GITHUB: COMMENT.replace("PERMISSIONS", "contents: write, pull-requests: read")})
    assert "Resource not accessible by integration" in repository.ended("pull_request")["log"]
    assert repository.ask("GET", "/issues/1/comments")[1] == []
    assert repository.ask("POST", "/issues/1/comments", {"body": "x"}, token="") == (
        401,
        {"message": "Requires authentication"},
    )
    assert repository.ask("POST", "/issues/1/comments", {"body": "x"}, token="ghs_made.up") == (
        401,
        {"message": "Bad credentials"},
    )


def test_a_token_is_for_the_repository_of_its_job_alone(repository: Repository) -> None:
    other = Repository(repository.sandbox, repository.folder.parent / "other")
    other.push({})
    other.push({"b.txt": "two\n"}, "change")
    other.propose()
    stranger = COMMENT.replace("$GITHUB_REPOSITORY", other.name).replace("PERMISSIONS", "pull-requests: write")
    proposed(repository, {GITHUB: stranger})
    assert "Resource not accessible by integration" in repository.ended("pull_request")["log"]
    assert other.ask("GET", "/issues/1/comments")[1] == []


def test_the_token_of_a_pull_request_has_another_subject(repository: Repository) -> None:
    role = trusting(repository, "GitHub", "main")
    repository.smproject("variables", repository.name, f"AWS_ROLE_ARN={role}")
    proposed(repository, {GITHUB: WORKFLOWS["GitHub"][GITHUB].replace("on: push", "on: pull_request")})
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in repository.ended("pull_request")["log"]

    named = repository.sandbox.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]
    document = json.dumps(named["AssumeRolePolicyDocument"]).replace(":ref:refs/heads/main", ":pull_request")
    repository.sandbox.client("iam").update_assume_role_policy(RoleName=named["RoleName"], PolicyDocument=document)
    repository.push({"c.txt": "three\n"}, "change")
    run = repository.ended("pull_request", 2)
    assert run["conclusion"] == "success", run["log"]


def test_a_merge_request_starts_the_jobs_whose_rules_say_so(repository: Repository) -> None:
    pipeline = """
        compare:
          rules:
            - if: $CI_PIPELINE_SOURCE == "merge_request_event" && $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == "main"
          variables: {GIT_DEPTH: "0"}
          script:
            - echo "at $(git rev-parse HEAD) $CI_COMMIT_SHA, $CI_COMMIT_REF_NAME, branch '$CI_COMMIT_BRANCH'"
            - echo "request $CI_MERGE_REQUEST_IID $CI_MERGE_REQUEST_SOURCE_BRANCH_NAME $CI_MERGE_REQUEST_DIFF_BASE_SHA"
            - git diff --name-only origin/main HEAD
            - mkdir reports && echo fine > reports/r.txt
          artifacts:
            paths: [reports/]
            expose_as: report
            when: always
            expire_in: 1 week
        later: {stage: deploy, rules: [{if: $CI_MERGE_REQUEST_IID}], script: [cat reports/r.txt]}
        always: {script: [echo of a push]}
    """
    main = repository.push({GITLAB: pipeline})
    commit = repository.push({"b.txt": "two\n"}, "change")
    repository.propose()

    run = repository.ended("pull_request")

    assert run["conclusion"] == "success", run["log"]
    assert [job["name"] for job in run["jobs"]] == ["compare", "later"]
    assert run["log"].endswith("fine\n")
    assert f"at {commit} {commit}, change, branch ''\n" in run["log"]
    assert f"request 1 change {main}\n" in run["log"]
    assert "\nb.txt\n" in run["log"]
    assert run["jobs"][0]["artifacts"] == ["reports/r.txt"]
    assert [job["name"] for job in repository.ended("push", 2)["jobs"]] == ["always"]


def test_the_token_of_a_merge_request_names_its_source(repository: Repository) -> None:
    role = trusting(repository, "GitLab", "change")
    repository.smproject("variables", repository.name, f"AWS_ROLE_ARN={role}")
    text = WORKFLOWS["GitLab"][GITLAB].replace('"push"', '"merge_request_event"')
    proposed(repository, {GITLAB: text})
    run = repository.ended("pull_request")
    assert run["conclusion"] == "success", run["log"]


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
