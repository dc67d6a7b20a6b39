"""The check that comes first: whether an account lets the doctor in, and which account it is."""

from collections.abc import Iterator

from smproject.doctor.check import USER, check
from smproject.doctor.findings import ERROR, Found
from smproject.doctor.place import Place


@check(
    "account-access",
    "The hub's credentials may assume a role in each account that uses its catalogue.",
    ERROR,
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html",
    USER,
)
def account_access(place: Place) -> Iterator[Found]:
    """Tell why an account could not be entered; nothing else is looked at there."""
    if place.refusal:
        yield Found(place.refusal, f"smproject doctor --account {place.account} --role-name ROLE")


CHECKS = (account_access,)
