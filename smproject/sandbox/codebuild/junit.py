"""Reads test results in JUnit's XML format, as the test cases that CodeBuild shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

_STATUS = {"failure": "FAILED", "error": "ERROR", "skipped": "SKIPPED"}  # by the element that tells it
_NANOSECONDS = 1_000_000_000


def cases(file: Path) -> list[dict[str, Any]]:
    """Return the test cases of a file, as `TestCase` without its report; raises ValueError when it is not JUnit XML."""
    content = file.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("it has a document type definition, which is not read")
    try:
        root = Xml.fromstring(content)  # noqa: S314 - nothing can expand without a definition, refused above
    except Xml.ParseError as error:
        raise ValueError(str(error)) from error
    suites = [root] if root.tag == "testsuite" else root.findall(".//testsuite")
    if root.tag not in ("testsuite", "testsuites"):
        raise ValueError(f"its root is <{root.tag}>, not <testsuite> or <testsuites>")
    return [_case(case, suite.get("name", "")) for suite in suites for case in suite.findall("testcase")]


def _case(case: Xml.Element, suite: str) -> dict[str, Any]:
    told = next((child for child in case if child.tag in _STATUS), None)
    message = "" if told is None else told.get("message") or (told.text or "").strip()
    return {
        "name": case.get("name", ""),
        "prefix": case.get("classname", ""),
        "testSuiteName": suite,
        "status": "SUCCEEDED" if told is None else _STATUS[told.tag],
        "durationInNanoSeconds": int(float(case.get("time") or 0) * _NANOSECONDS),
        "message": message,
    }
