"""The story: from nothing to a registered model, and from its approval to a prediction from another account."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

from smproject.demo.building import Building
from smproject.demo.console import Console, Echo
from smproject.demo.deploying import Deploying
from smproject.demo.watch import StoryError
from smproject.errors import SmprojectError
from smproject.sandbox import lifecycle

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def main(port: int, keep: bool, echo: Echo) -> int:
    """Tell the story on a sandbox of its own; return the exit status. The sandbox stays only when asked to."""
    for number in _INTERRUPTS:
        signal.signal(number, _interrupt)
    home = lifecycle.default_home()
    if running := lifecycle.find(home):
        raise SmprojectError(f"A sandbox already serves {running.endpoint}. Run: smproject sandbox down")
    if lifecycle.holds_state(home):
        raise SmprojectError(
            f"{home} holds a sandbox's state, and the story starts from nothing. To forget that state, run: smproject "
            "sandbox reset. To keep it, name another folder in SMPROJECT_SANDBOX_HOME."
        )
    console = Console(echo)
    try:
        _tell(console, home, port)
    except StoryError as error:
        echo(f"\nThe story stopped: {error}")
        return 1
    except KeyboardInterrupt:
        echo("\nInterrupted.")
        return 130
    else:
        echo(f"\nThe whole story took {console.seconds:.1f} s.")
        return 0
    finally:
        _leave(home, keep, echo)


def _interrupt(*_: object) -> None:
    _ignore_interrupts()
    raise KeyboardInterrupt


def _ignore_interrupts() -> None:
    """See to it that a second Ctrl-C does not keep the sandbox from being stopped."""
    for number in _INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


def _leave(home: Path, keep: bool, echo: Echo) -> None:
    _ignore_interrupts()
    if keep and lifecycle.find(home):
        echo('The sandbox is still there: eval "$(smproject sandbox env)"; stop it with: smproject sandbox down')
    elif lifecycle.down(home):
        lifecycle.forget(home)
        echo("The sandbox is stopped. To look around in it, run: make demo KEEP=1")


def _tell(console: Console, home: Path, port: int) -> None:
    with console.step("The sandbox: an AWS endpoint on this machine, with four accounts"):
        running = lifecycle.up(home, port, "us-east-1")
        os.environ.update(lifecycle.environment(running))
        for name in lifecycle.shadowing():
            os.environ.pop(name, None)
        console.line(f"serving {running.endpoint}")
    with tempfile.TemporaryDirectory() as folder:
        building = Building(console, running, Path(folder) / "checkout")
        building.publish()
        building.create_project()
        building.first_build()
        building.show_model()
        building.push_change()
        building.miss_gate()
        deploying = Deploying(building)
        deploying.connect()
        deploying.approve_model()
        deploying.approve_production()
        deploying.predict()
