"""What tests propose to a seed's repository."""

from __future__ import annotations

from collections.abc import Callable

import scientist
from harness import eventually

# The rest of a seed's tests take minutes, and test_seed_alone runs them.
_QUICK = {"tests/pipelines/test_pipeline_session.py", "tests/pipelines/conftest.py"}
# For the end of a pipeline.py.
WITH_NOTES = """

def with_notes(make):
    from sagemaker.core.workflow.parameters import ParameterString

    def made(*given):
        pipeline = make(*given)
        pipeline.parameters = [*pipeline.parameters, ParameterString("Notes", "none")]
        return pipeline

    return made


get_pipeline = with_notes(get_pipeline)
"""
TOLD = "- parameter `Notes` is new"


def keep_quick_tests(git: Callable[..., str]) -> None:
    """Take the slow tests out of a checkout."""
    slow = [name for name in git("ls-files", "tests").split() if name not in _QUICK]
    git("rm", "--quiet", *slow)


class Proposing(scientist.Project):
    """A project in whose repository people propose changes."""

    def git(self, *words: str) -> str:
        return self.run("git", *words, cwd=self.checkout).strip()

    def propose(self, branch: str, files: dict[str, str], target: str = "main") -> str:
        """Push a branch and propose it; return the pull request's id."""
        self.begin(branch, files, target)
        wanted = {"repositoryName": self.name, "sourceReference": branch, "destinationReference": target}
        made = self.client("codecommit").create_pull_request(title=branch, targets=[wanted])
        return str(made["pullRequest"]["pullRequestId"])

    def begin(self, branch: str, files: dict[str, str], target: str = "main") -> None:
        """Push a branch whose only tests are quick."""
        self.git("checkout", "--quiet", "-B", branch, f"origin/{target}")
        if target == "main":
            keep_quick_tests(self.git)
        self.revise(branch, files)

    def revise(self, branch: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.checkout / name
            path.write_text((path.read_text() if path.exists() else "") + text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Proposal")
        self.git("push", "--quiet", "origin", branch)

    def told(self, request: str, comments: int = 1) -> str:
        """What the newest comment says, once there are so many."""

        def look() -> str:
            found = self.client("codecommit").get_comments_for_pull_request(pullRequestId=request)
            every = [text["content"] for each in found["commentsForPullRequestData"] for text in each["comments"]]
            return every[-1] if len(every) >= comments else ""

        return eventually(look)

    def checked(self) -> tuple[scientist.Found, str]:
        """How the check of what was pushed last has ended, and its log."""
        name, commit = f"{self.name}-pull-request", self.git("rev-parse", "HEAD")

        def look() -> scientist.Found:
            found = self.client("codebuild").list_builds_for_project(projectName=name)["ids"]
            builds = self.client("codebuild").batch_get_builds(ids=found)["builds"] if found else []
            return next((b for b in builds if b["buildComplete"] and b["resolvedSourceVersion"] == commit), {})

        build = eventually(look)
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = self.client("logs").get_log_events(**where)["events"]
        return build, "".join(each["message"] for each in events)
