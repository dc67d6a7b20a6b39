"""The judgement of every call at the door: what it asks for, whether that is allowed, and how a denial is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smproject.sandbox import calls, mode, replies
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import access, questions
from smproject.sandbox.permissions.access import Question
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.records import Records
from smproject.sandbox.permissions.request import Principal
from smproject.sandbox.permissions.s3 import Attempt
from smproject.sandbox.replies import Reply

if TYPE_CHECKING:
    from smproject.sandbox.world import World

# What a service calls a denial, by its signing name, else by its protocol.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_CODES = {
    "ec2": "UnauthorizedOperation",
    "monitoring": "AccessDenied",
    "s3": "AccessDenied",
    "sns": "AuthorizationError",
    "sqs": "AccessDenied",
}
_CODES_BY_WIRE = {calls.JSON: "AccessDeniedException", calls.QUERY: "AccessDenied", calls.REST: "AccessDeniedException"}


@dataclass(frozen=True)
class Used:
    """One permission that a call needs, and whether it has it; `by` is the kind of policy that decides."""

    action: str
    resource: str
    decision: str
    by: str


@dataclass(frozen=True)
class Judgement:
    """What was judged of a call; `reason` says in AWS's words why it is refused, where it is."""

    uses: tuple[Used, ...] = ()
    reason: str = ""


class Gate:
    """Judges calls by the policies of whoever makes them and of what they want."""

    def __init__(self, world: World) -> None:
        self.records = Records(world)
        self.mode = mode.permissions()

    def judge(self, credentials: Credentials, call: Call, environ: Environ) -> Judgement:
        """Decide on a call."""
        principal = Principal.of(credentials)
        if call.service == "s3":
            return self._decide(principal, Attempt.of(principal, call, environ).questions())
        asked = Asked(call, principal.account, environ, self.records)
        return self._decide(principal, questions.of(principal, asked, self.records))

    def judge_git(self, credentials: Credentials, action: str, repository: str, region: str) -> Judgement:
        """Decide on a pull from a repository of CodeCommit, or a push to it."""
        principal = Principal.of(credentials)
        return self._decide(principal, questions.of_git(principal, action, repository, region, self.records))

    def judge_permission(self, credentials: Credentials, action: str, arn: str, asked: dict[str, str]) -> Judgement:
        """Decide on what a service does for a role without a call of it; `asked` are the service's condition keys."""
        principal = Principal.of(credentials)
        return self._decide(principal, questions.of_permission(principal, action, arn, asked, self.records))

    def _decide(self, principal: Principal, asked: Iterator[Question]) -> Judgement:
        """Answer questions, where they are asked, until one is denied; all of them where that is only reported."""
        uses, reason = [], ""
        for question in () if self.mode == "off" or principal.acts_for_aws else asked:
            found = access.judge(question)
            decision = "unchecked" if question.unchecked else "allowed" if found.allowed else "denied"
            uses.append(Used(question.request.action, question.request.resources[0], decision, found.by))
            if decision == "denied" and self.mode == "enforce":
                reason = found.reason
                break
        return Judgement(tuple(uses), reason)


def use(world: World, credentials: Credentials, action: str, arn: str, asked: dict[str, str]) -> str:
    """Judge and log what a service does for a role without a call of it; return why it is refused, where it is."""
    started, (service, _, operation) = time.perf_counter(), action.partition(":")
    judged = Gate(world).judge_permission(credentials, action, arn, asked)
    world.log.record(credentials, service, operation, 403 if judged.reason else 200, started, judged.uses)
    return judged.reason


def assumed(call: Call, environ: Environ, status: int) -> tuple[Used, ...]:
    """Return what a call that assumes a role used, which STS itself has decided with the role's trust policy."""
    if call.service != "sts" or call.operation not in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        return ()
    decision = "allowed" if status < 400 else "denied"
    return (Used(f"sts:{call.operation}", calls.form(environ).get("RoleArn", ""), decision, access.TRUST),)


def refusal(judgement: Judgement, call: Call, environ: Environ) -> Reply:
    """Return a service's answer to a call that is denied."""
    calls.discard(environ)
    code = _CODES.get(call.service) or _CODES_BY_WIRE[call.wire]
    reply = replies.error(call, 400 if call.wire == calls.JSON else 403, code, judgement.reason)
    return Reply(reply.status, reply.headers, b"") if environ["REQUEST_METHOD"] == "HEAD" else reply
