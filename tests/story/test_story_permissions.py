"""What the roles of the demonstration's project were allowed, against what they did."""

from __future__ import annotations

import json

from visitor import Visitor


def test_every_call_was_judged_and_none_of_a_role_s_denied(visitor: Visitor) -> None:
    decisions = {use["decision"] for call in visitor.calls for use in call["uses"]}
    assert decisions == {"allowed"}


def test_the_project_s_roles_lack_nothing_and_nothing_that_they_never_used_is_unexplained(visitor: Visitor) -> None:
    findings = json.loads(visitor.audit)
    assert {finding["kind"] for finding in findings} == {"unused"}
    assert [finding for finding in findings if not finding["reason"]] == []


def test_builds_jobs_endpoints_and_stacks_act_with_roles_of_their_own(visitor: Visitor) -> None:
    kinds = {call["role"].rpartition("-")[2] for call in visitor.calls if "role/sagemaker-" in call["role"]}
    assert {"build", "execution", "endpoint", "cloudformation", "deploy", "test", "render"} <= kinds
