"""What the changelog tells of the versions between two."""

import re


def between(text: str, before: str, after: str) -> str:
    """The sections above one version, up to another; of two equal ones, that version's own section."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    lower, upper = _number(before), _number(after)
    wanted = [each for each in sections if lower < _number(each.split()[0]) <= upper or lower == upper == _number(each)]
    return "".join(f"## {each}" for each in wanted).strip()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split(maxsplit=1)[0])[:3])
