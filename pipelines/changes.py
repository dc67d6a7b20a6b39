"""Tell what a change does to the pipelines of this repository, as Markdown for whoever reviews it.

    python -m pipelines.changes origin/main

Compares the checkout with the commit at which it left that branch: steps, their order and parameters of each pipeline,
compiled for an imaginary project, and what the CloudFormation templates under pipelines/ let roles do. It needs git,
and neither network nor credentials.

exit status:
  0  done, whatever differs
  2  there is no such commit, or the checkout's pipelines don't compile
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines import differences

REFUSED = 2


class ChangesError(ValueError):
    """The comparison can't be made; the message says why."""


def main() -> int:
    """Run the command; see the module's text for exit statuses."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.changes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("branch", help="what the change is for, such as origin/main")
    parser.add_argument("--most", type=int, metavar="CHARACTERS", help="leave out what is beyond, and say so")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            unpack(base_of(arguments.branch), Path(folder))
            text = "\n".join(report(Path(folder), Path.cwd())) + "\n"
    except ChangesError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    sys.stdout.write(shortened(text, arguments.most) if arguments.most else text)
    return 0


def shortened(text: str, most: int) -> str:
    """Return whole lines of a text, of so many characters at most, and how many lines are left out."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition("\n")[0]
    left = text.count("\n") - kept.count("\n") - 1
    return f"{kept}\n\n{left} more lines are left out: `python -m pipelines.changes BRANCH` prints all.\n"


def base_of(branch: str) -> str:
    """Return the commit at which the checkout left a branch."""
    done = git("merge-base", branch, "HEAD")
    if done.returncode:
        reason = done.stderr.decode().strip() or "it has no commit in common with the checkout"
        raise ChangesError(f"{branch} can't be compared: {reason}. Fetch it with its history, then try again.")
    return done.stdout.decode().strip()


def unpack(commit: str, folder: Path) -> None:
    """Write a commit's files into a folder."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit).stdout)) as archive:
        archive.extractall(folder, filter="data")


def git(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in the checkout."""
    return subprocess.run(["git", *words], capture_output=True, check=False)


def report(before: Path, after: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    told = False
    for title, lines in [*of_pipelines(before, after), *of_templates(before, after)]:
        if lines:
            yield from (f"## {title}", "", *lines, "")
            told = True
    if not told:
        yield "No difference in the pipelines and in what roles may do."


def of_pipelines(before: Path, after: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the differences of each pipeline."""
    old, new = pipelines(before), pipelines(after)
    for name in sorted(old | new):
        if name not in new or name not in old:
            yield f"Pipeline `{name}`", ["- it is gone" if name in old else "- it is new"]
            continue
        then, error = compiled(before, name)
        now, problem = compiled(after, name)
        if problem:
            raise ChangesError(f"{name} does not compile: {problem}")
        told = list(differences.of_definitions(then, now)) if not error else [f"- not compared: {error}"]
        yield f"Pipeline `{name}`", told


def pipelines(folder: Path) -> set[str]:
    """Return the names of a folder's pipelines."""
    return {f"build.{path.parent.name}" for path in (folder / "pipelines").glob("build/*/pipeline.py")}


def compiled(folder: Path, name: str) -> tuple[dict[str, Any], str]:
    """Return a pipeline's definition, or why there is none."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SAGEMAKER_"))}
    environment = {**kept, "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-m", "pipelines.run", "print", "--imaginary", "--pipeline", name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return json.loads(done.stdout), ""


def of_templates(before: Path, after: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the differences of the rights that each CloudFormation template gives."""
    for path in sorted(templates(before) | templates(after)):
        then, now = (read(folder / path) for folder in (before, after))
        yield f"Rights in `{path}`", list(differences.of_rights(then, now))


def templates(folder: Path) -> set[str]:
    """Return the paths of a folder's CloudFormation templates."""
    return {path.relative_to(folder).as_posix() for path in (folder / "pipelines").glob("**/*.yaml")}


def read(path: Path) -> dict[str, Any]:
    """Read a template, its functions as mappings; nothing where there is none."""
    if not path.is_file():
        return {}
    import yaml  # noqa: PLC0415  # only where there are templates is it installed

    class Loader(yaml.SafeLoader):
        """Knows CloudFormation's tags."""

    def function(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return {suffix: loader.construct_scalar(node)}
        build = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
        return {suffix: build(node, deep=True)}

    Loader.add_multi_constructor("!", function)
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader) or {})  # noqa: S506  # it is a SafeLoader


if __name__ == "__main__":
    sys.exit(main())
