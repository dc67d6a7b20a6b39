"""Which tests one worker of pytest-xdist runs together, and so share what they set up."""

import pytest


@pytest.hookimpl(tryfirst=True)  # xdist's own, which reads the groups, is to come after it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file; those that look at the demonstration are one group, the tests of each seed are another."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    if "visitor" in getattr(item, "fixturenames", ()):
        return "story"
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return f"{item.path.stem} {parameters.get('repository', '')}".strip()
