"""The commands of the page on publishing work as they stand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from publishing import ACCOUNTS, HUB, SMPROJECT, hub

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "publish.md"


def test_the_page_s_commands_publish_share_and_create_a_project(tmp_path: Path) -> None:
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    with hub(tmp_path) as running:
        organizations = running.client("organizations")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="staging")["OrganizationalUnit"]["Id"]
        organizations.move_account(AccountId=ACCOUNTS["staging"], SourceParentId=root, DestinationParentId=unit)
        environment = {**running.sandbox.environment(HUB), "OU": unit}
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert running.settled("churn-s3")["ProjectStatus"] == "CreateCompleted"
        assert (tmp_path / "catalogue" / "index.json").is_file()
        again = subprocess.run(
            [SMPROJECT, "share", "--ou", unit], env=environment, capture_output=True, text=True, check=False
        )
        assert again.stdout.endswith("nothing to do\n"), again.stderr
