"""The commands of `smproject sandbox`: one short function each."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from smproject.errors import SandboxError
from smproject.sandbox import lifecycle

output_option = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the output."
)
port_option = click.option(
    "--port", type=int, help=f"Port on 127.0.0.1. [default: the kept state's, else {lifecycle.DEFAULT_PORT}]"
)
region_option = click.option(
    "--region", help=f"AWS region. [default: the kept state's, else {lifecycle.DEFAULT_REGION}]"
)


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--home`."""
    text = "Folder of the sandbox's files. [default: $SMPROJECT_SANDBOX_HOME, else ~/.local/state/smproject/sandbox]"
    folder = click.Path(path_type=Path, resolve_path=True)
    return click.option("--home", type=folder, default=lifecycle.default_home, help=text)(command)


@click.group()
def sandbox() -> None:
    """An AWS endpoint on this machine, on which the templates run."""


@sandbox.command()
@port_option
@region_option
@home_option
def up(port: int | None, region: str | None, home: Path) -> None:
    """Start the sandbox with the state that it had; one that runs already is left alone."""
    running = lifecycle.find(home)
    if running:
        click.echo(f"The sandbox already serves {running.endpoint} (process {running.pid}).")
    else:
        former = lifecycle.kept(home)
        running = lifecycle.up(home, port, region)
        state = f"with the state of {former.saved}" if former else "empty"
        click.echo(f"The sandbox serves {running.endpoint} (process {running.pid}, files in {home}), {state}.")
    click.echo('To make every AWS client use it, run: eval "$(smproject sandbox env)"')


@sandbox.command()
@home_option
def down(home: Path) -> None:
    """Stop the sandbox and the jobs that it runs; what it holds is there again after `up`."""
    stopped = lifecycle.down(home)
    click.echo(f"Stopped {stopped.endpoint}." if stopped else f"No sandbox runs from {home}.")
    former = lifecycle.kept(home) if stopped else None
    for trouble in former.unkept if former else []:
        click.echo(f"Not kept: {trouble}", err=True)


@sandbox.command()
@home_option
@output_option
def status(home: Path, output: str) -> None:
    """Show whether the sandbox runs, its accounts and their profiles; exit 3 when it doesn't run."""
    from smproject.sandbox.sagemaker import runtime

    running = lifecycle.find(home)
    if running is None:
        at_rest = f" It holds {lifecycle.size(home) / 1e6:.1f} MB of state." if lifecycle.holds_state(home) else ""
        text = f"No sandbox runs from {home}.{at_rest}"
        click.echo(json.dumps({"running": False}) if output == "json" else text)
        raise click.exceptions.Exit(3)
    former = lifecycle.kept(home)
    profiles = {profile: account for profile, (account, _) in lifecycle.ACCOUNTS.items()}
    facts: dict[str, Any] = {
        "running": True,
        "endpoint": running.endpoint,
        "region": running.region,
        "pid": running.pid,
        "home": str(home),
        "bytes": lifecycle.size(home),
        "unkept": former.unkept if former else [],
        "runtime": runtime.name(),
        "profiles": profiles,
    }
    if output == "json":
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"The sandbox serves {running.endpoint} in {running.region}; jobs run as: {facts['runtime']}.")
    click.echo(f"Its data lies in {home} ({facts['bytes'] / 1e6:.1f} MB).")
    for trouble in facts["unkept"]:
        click.echo(f"Not kept: {trouble}")
    for profile, account in profiles.items():
        click.echo(f"  {account}  {profile}")


@sandbox.command()
@click.option("--profile", default="development", show_default=True, help="The profile that clients use.")
@home_option
def env(profile: str, home: Path) -> None:
    """Print the shell commands that make every AWS client, and git, use the sandbox."""
    running = lifecycle.require(home)
    click.echo(f"unset {' '.join(lifecycle.shadowing())}")
    for key, value in lifecycle.environment(running, profile).items():
        click.echo(f"export {key}={shlex.quote(value)}")


@sandbox.command()
@click.option("-n", "--lines", default=40, show_default=True, help="How many calls to show.")
@click.option("--service", help="Only calls of this service.")
@click.option("--denied", is_flag=True, help="Only calls that lack a permission.")
@home_option
@output_option
def logs(lines: int, service: str | None, denied: bool, home: Path, output: str) -> None:
    """Show the latest AWS calls: when, by whom, what, and how they ended."""
    path = home / "calls.jsonl"
    if not path.is_file():
        raise SandboxError(f"There is no call log in {home}. Run: smproject sandbox up")
    calls = [json.loads(line) for line in path.read_text().splitlines()]
    wanted = [call for call in calls if service in (None, call["service"]) and (not denied or _denied(call))]
    for call in wanted[-lines:]:
        who, what = call["principal"].rpartition(":")[2], f"{call['service']}:{call['operation']}"
        text = f"{call['time'][11:23]} {call['status']} {call['ms']:>8.1f} ms  {what}  {who}"
        click.echo(json.dumps(call) if output == "json" else "\n".join([text, *_denied(call)]))


def _denied(call: dict[str, Any]) -> list[str]:
    """Return a line for each permission that a call was denied, or would have been."""
    denied = [use for use in call["uses"] if use["decision"] == "denied"]
    return [f"    denied: {use['action']} on {use['resource']} ({use['by']})" for use in denied]


@sandbox.command()
@click.option("--pipeline", help="Only approvals of this pipeline.")
@click.option("--reject", is_flag=True, help="Reject instead of approving.")
@click.option("--comment", default="With smproject sandbox approve.", help="What the pipeline shows as the reason.")
@home_option
@output_option
def approve(pipeline: str | None, reject: bool, comment: str, home: Path, output: str) -> None:
    """Approve the one manual approval that waits in any account; list them when there are several."""
    from smproject.sandbox import approvals

    running = lifecycle.require(home)
    found = approvals.waiting(running, pipeline)
    decision = "Rejected" if reject else "Approved"
    if len(found) == 1:
        approvals.decide(running, found[0], decision, comment)
    status = decision if len(found) == 1 else "Waiting"
    if output == "json":
        click.echo(json.dumps({"status": status, "approvals": [each.shown() for each in found]}, indent=2))
    else:
        for each in found:
            click.echo(f"{status}: {each.action} in stage {each.stage} of pipeline {each.pipeline} ({each.profile})")
            click.echo("".join(f"  {text}\n" for text in (each.data, each.link) if text), nl=False)
    if not found:
        raise SandboxError("No pipeline waits for an approval.")
    if status == "Waiting":
        raise SandboxError(f"{len(found)} approvals wait, so none was decided: choose one with --pipeline.")


@sandbox.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Let nobody clone it who doesn't say who he is.")
@click.option("--protect", multiple=True, metavar="BRANCH", help="Let nobody push to this branch.")
@home_option
def repository(repository: str, private: bool, protect: tuple[str, ...], home: Path) -> None:
    """Make a REPOSITORY on a git host, which connections reach; print the URL to clone it."""
    from smproject.sandbox import git_owner

    click.echo(git_owner.make_repository(lifecycle.require(home), repository, private=private, protected=protect))


@sandbox.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.argument("given", metavar="[NAME=VALUE]...", nargs=-1)
@home_option
def variables(repository: str, given: tuple[str, ...], home: Path) -> None:
    """Set variables that the workflows of a REPOSITORY read; show all, and how their tokens name it."""
    from smproject.sandbox import git_owner

    running = lifecycle.require(home)
    found = git_owner.set_variables(running, repository, given)
    named = " or ".join(f"{name} ({host})" for host, name in git_owner.subjects(running, repository).items())
    click.echo(f"Tokens of its workflows name it {named}.")
    for name, value in found.items():
        click.echo(f"{name}={value}")


@sandbox.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--log", is_flag=True, help="Show the summary of the newest run, and what it has printed.")
@home_option
@output_option
def runs(repository: str, log: bool, home: Path, output: str) -> None:
    """Show what became of the workflows of a REPOSITORY, the newest first."""
    from smproject.sandbox import git_owner

    found = git_owner.runs(lifecycle.require(home), repository)
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for each in found[: 1 if log else None]:
        told = f"{each['id']}  {each['conclusion'] or each['status']}  {each['branch']}  {each['commit'][:8]}"
        click.echo(f"{told}  {each['workflow'] or each['file']}  {each['message']}".rstrip())
        for job in each["jobs"]:
            click.echo(f"    {job['conclusion']}  {job['name']}")
        if log:
            click.echo(each["summary"], nl=False)
            click.echo(each["log"], nl=False)


@sandbox.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--from", "head", metavar="BRANCH", help="Propose this branch.")
@click.option("--to", "base", metavar="BRANCH", default="", help="For this branch. [default: the default branch]")
@click.option("--title", default="", help="What it is called. [default: the branch's name]")
@click.option("--merge", "number", type=int, metavar="NUMBER", help="Merge this one instead.")
@home_option
def pull_request(  # noqa: PLR0913, PLR0917 - an argument for each option
    repository: str, head: str | None, base: str, title: str, number: int | None, home: Path
) -> None:
    """Open a pull request in a REPOSITORY and print its number, or merge one; by default list those that are open."""
    from smproject.sandbox import git_owner

    running = lifecycle.require(home)
    if head and number is not None:
        raise SandboxError("Give either --from or --merge.")
    if head:
        click.echo(git_owner.propose(running, repository, head, base, title))
    elif number is not None:
        click.echo(git_owner.merge(running, repository, number))
    else:
        for each in git_owner.proposals(running, repository):
            state = "" if each["mergeable"] else "  conflicts"
            click.echo(f"{each['number']}  {each['head']['ref']} -> {each['base']['ref']}  {each['title']}{state}")


@sandbox.command()
@click.argument("connection")
@home_option
def accept(connection: str, home: Path) -> None:
    """Complete a pending CONNECTION (name or ARN) to the git host, as the owner of its repositories does."""
    from smproject.sandbox import git_owner

    click.echo(f"{git_owner.accept(lifecycle.require(home), connection)} is AVAILABLE")


@sandbox.command()
@click.argument("job")
@click.option(
    "--profile",
    type=click.Choice(list(lifecycle.ACCOUNTS)),
    default="development",
    show_default=True,
    help="The job's account, where JOB is a name.",
)
@click.option("--seconds", type=click.FloatRange(min=0), default=0.0, help="How long no other instances are free.")
@home_option
def interrupt(job: str, profile: str, seconds: float, home: Path) -> None:
    """Take away the spot instances of the training job JOB (name or ARN), as AWS may; it starts again."""
    from smproject.sandbox import interruptions

    name = interruptions.interrupt(lifecycle.require(home), job, profile, seconds)
    click.echo(f"{name} is interrupted: SIGTERM now, SIGKILL at the latest after 120 s. Then it starts again.")


@sandbox.command()
@home_option
def reset(home: Path) -> None:
    """Forget everything; a sandbox that runs starts again from nothing, on the same port."""
    running = lifecycle.find(home)
    if running is None:
        if not lifecycle.holds_state(home):
            raise SandboxError(f"There is nothing in {home} to forget. Run: smproject sandbox up")
        lifecycle.wipe(home)
        click.echo(f"{home} is empty. Run: smproject sandbox up")
        return
    lifecycle.down(home)
    lifecycle.wipe(home)
    again = lifecycle.up(home, running.port, running.region)
    click.echo(f"The sandbox serves {again.endpoint} (process {again.pid}), empty.")


@sandbox.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--data", type=click.Path(path_type=Path), help="File or folder to put where the parameters say data lie."
)
@port_option
@home_option
def run(folder: Path, data: Path | None, port: int | None, home: Path) -> None:
    """Build the last commit of the fork in FOLDER in a project of its own; makes what is not there yet."""
    from smproject.forks.run import run as build

    versions = build(folder, data, home, port, click.echo)
    for version in versions:
        click.echo(f"registered {version}")


@sandbox.command()
@click.option("--port", default=lifecycle.DEFAULT_PORT, show_default=True, help="Port on 127.0.0.1.")
@click.option("--keep", is_flag=True, help="Leave the sandbox running at the end.")
def demo(port: int, keep: bool) -> None:
    """Run the whole story: publish, create a project, build, train, register, push a change, miss a gate."""
    from smproject import demo as story

    raise click.exceptions.Exit(story.main(port, keep, click.echo))
