"""Every check, in the order in which they are made, and the page that lists them."""

from smproject.catalog import ROOT
from smproject.doctor import access, bucket, portfolios, projects, quotas, roles, setup, studio
from smproject.doctor.check import HUB, Check
from smproject.doctor.findings import SEVERITIES

PAGE = ROOT / "docs" / "reference" / "doctor.md"
MODULES = (access, setup, roles, portfolios, bucket, studio, projects, quotas)
CHECKS: tuple[Check, ...] = tuple(each for module in MODULES for each in module.CHECKS)

_HEAD = """# Checks of the doctor

`smproject doctor` makes these checks; generated from them: `python -m smproject.doctor.checks`.
[How to use it](../how-to/doctor.md)

Where: the hub, the accounts that use its catalogue (users), or both. Fix: what `--fix` mends by itself.

"""


def page() -> str:
    """The reference page, in Markdown."""
    severities = "".join(f"| {name} | {meaning} |\n" for name, meaning in SEVERITIES.items())
    rows = "".join(_row(each) for each in CHECKS)
    return (
        f"{_HEAD}| check | what is right | severity | where | fix | AWS |\n|---|---|---|---|---|---|\n{rows}\n"
        f"| severity | meaning |\n|---|---|\n{severities}"
    )


def _row(check: Check) -> str:
    where = " and ".join("hub" if place == HUB else "users" for place in check.places)
    fix = "yes" if check.fixes else ""
    return f"| `{check.id}` | {check.title} | {check.severity} | {where} | {fix} | [page]({check.url}) |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
