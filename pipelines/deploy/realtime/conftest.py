"""What the endpoint test has to hand, and the one line that it ends with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.deploy.realtime import endpoint, settings, stage
from pipelines.deploy.realtime.golden import Golden, read_golden

RESULT_FILE = Path("endpoint-test-result.txt")
LATENCY = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def tested() -> settings.StageUnderTest:
    """What the build is told."""
    return settings.for_test()


@pytest.fixture(scope="session")
def golden(tested: settings.StageUnderTest) -> Golden:
    """The predictions that the render left."""
    path = Path(tested.render_folder) / "golden.json"
    return read_golden(json.loads(path.read_text(encoding="utf-8")), str(path))


@pytest.fixture(scope="session")
def limits(tested: settings.StageUnderTest) -> stage.Limits:
    """What the stage file says of the test."""
    return stage.read_stage(tested.stage).tests


@pytest.fixture(scope="session")
def live(tested: settings.StageUnderTest) -> endpoint.Endpoint:
    """The endpoint of the stage."""
    return endpoint.connect(tested)


@pytest.fixture
def report_latency(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[[dict[int, float]], None]:
    """Takes milliseconds by percentile, for the JUnit report and the last line."""

    def report(found: dict[int, float]) -> None:
        for percent, milliseconds in found.items():
            record_property(f"p{percent}_ms", round(milliseconds, 2))
        request.config.stash[LATENCY] = f"p99 {found[99]:.0f} ms"

    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """End with one line that CodePipeline shows beside the action, and leave it in a file for the build."""
    line = conclusion(terminalreporter.stats, config.stash.get(LATENCY, ""))
    RESULT_FILE.write_text(f"{line[:500]}\n", encoding="utf-8")
    terminalreporter.write_line(f"TEST_RESULT {line}")


def conclusion(reports: dict[str, list[Any]], latency: str) -> str:
    """How the tests ended: the number that passed, or why the first failed."""
    failed = [*reports.get("error", []), *reports.get("failed", [])]
    if failed:
        return f"{failed[0].nodeid.rpartition('::')[2] or failed[0].nodeid}: {reason(failed[0])}"
    passed = len(reports.get("passed", []))
    return ", ".join(filter(None, (f"{passed} tests passed" if passed else "no test ran", latency)))


def reason(report: Any) -> str:
    """First line of a failure, without the name of the assertion."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines() or ["failed without a word"]
    return lines[0].removeprefix("AssertionError: ")
