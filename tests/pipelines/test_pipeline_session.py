"""Code is kept under its content, wherever and whenever it is uploaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def session(compile_definition: Callable[..., Any], variables: dict[str, str]) -> Any:
    from pipelines import session, settings  # noqa: PLC0415  # only after the fixture set the Region

    return session.ProjectSession(settings.from_environment(variables))


def write(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "step.py").write_text(text)
    return folder


def test_equal_folders_share_a_key_in_the_projects_bucket(session: Any, tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, "x = 1\n") for name in ("one", "two"))
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "step.pyc").write_bytes(b"\0")

    uris = [session.upload_data(str(folder), "other-bucket", f"2026-01-0{day}/source") for day, folder in
            enumerate((one, two))]  # fmt: skip

    assert uris[0] == uris[1]
    assert uris[0].startswith("s3://sagemaker-project-p-0123456789ab/code/")
    assert uris[0].endswith("/source")


def test_other_content_gets_another_key(session: Any, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", "x = 1\n"), write(tmp_path / "two", "x = 2\n")

    assert session.upload_data(str(one)) != session.upload_data(str(two))
    assert session.upload_code([one / "step.py"]) != session.upload_code([two / "step.py"])


def test_uploaded_file_keeps_its_name(session: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "one", "x = 1\n")

    assert session.upload_data(str(folder / "step.py"), key_prefix="2026-01-01/code").endswith("/step.py")
