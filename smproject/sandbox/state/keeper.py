"""Keeps the state: reads it at the start, and writes it soon after it has changed.

A round looks at everything, at one moment, and writes the parts that differ from what the file holds. So nobody has to
know which call changes what, and the file is a picture of that moment.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox import moto_state
from smproject.sandbox.service import Service
from smproject.sandbox.state.blobs import NAME, Blobs
from smproject.sandbox.state.decoder import Decoder, UnreadableError
from smproject.sandbox.state.encoder import Encoded
from smproject.sandbox.state.picture import Pictures
from smproject.sandbox.state.scheme import Scheme
from smproject.sandbox.state.store import Store, version
from smproject.sandbox.state.values import VALUES
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_SETTLE_SECONDS = 0.05  # so that calls that follow each other closely are one round
_SHARE = 9  # rests this many times as long as a round took: under load a tenth of the time goes into rounds
_LOOK_SECONDS, _LOOK_MOST = 1.0, 30.0  # without calls: work in the background changes things too
_STILL_SECONDS = 2.0
_WORLD, _SHARED = "world", "moto"


class Keeper:
    """The state of one world. It is read before anybody calls, and written from then on."""

    def __init__(self, world: World) -> None:
        self.world, self.blobs, self.store = world, Blobs(world.home), Store(world.home)
        self._scheme = Scheme(moto_state.TRANSIENT, {**VALUES, **moto_state.VALUES}, self.blobs)
        self._lock, self._ended = threading.Lock(), False
        self._told: set[str] = set()
        self._pictures = Pictures(self._scheme)
        moto_state.install(self.blobs)

    def restore(self) -> bool:
        """Take up the state that the home holds; tell whether there was any. Raises UnreadableError."""
        if not self.store.path.exists():
            return False
        facts, parts = self.store.facts(), self.store.parts()
        moved = re.compile(re.escape(facts["endpoint"]) + r"(?!\d)")
        texts = [(name, moved.sub(self.world.endpoint, text)) for name, text in parts]
        self.blobs.keep_only({found for _, text in texts for found in NAME.findall(text)})
        self._know(moto_state.backend(name) for name, _ in texts if moto_state.is_backend(name))
        decoder = Decoder(self._scheme)
        for name, text in texts:
            self._put(name, json.loads(text), decoder)
        return True

    def start(self) -> None:
        """Write the state now, and whenever it has changed."""
        self.save(whole=True)
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    def end(self) -> None:
        """Write the state a last time."""
        self.save(whole=True)
        self._ended = True

    def save(self, *, whole: bool = False) -> bool:
        """Write what has changed; tell whether anything had. `whole` looks at everything, else see `Pictures`."""
        with self._lock:
            if self._ended:
                return False
            called = self.world.take_called()
            backends = list(moto_state.backends())
            self._know(backends)
            with _still():
                unkept = self._pictures.take(self._parts(backends), called, whole=whole)
            for trouble in unkept - self._told:
                LOG.error("not kept: %s", trouble)
            self._told |= unkept
            return self.store.write(self._pictures.texts(), self._facts(unkept))

    def _keep(self) -> None:
        pause = _LOOK_SECONDS
        while not self._ended:
            touched = self.world.changed.wait(pause)
            time.sleep(_SETTLE_SECONDS)
            self.world.changed.clear()
            began = time.monotonic()
            try:
                wrote = self.save()
            except Exception:  # a full disk, say: the next round may do better
                LOG.exception("the state was not written")
                wrote = False
            pause = _LOOK_SECONDS if wrote or touched else min(2 * pause, _LOOK_MOST)
            time.sleep(_SHARE * (time.monotonic() - began))

    def _parts(self, backends: Iterable[moto_state.Backend]) -> dict[str, dict[str, Any]]:
        """Return the attributes of everything that is to be kept, by part."""
        parts = {_WORLD: self.world.state(), _SHARED: moto_state.shared()}
        parts |= {backend.name: backend.attributes() for backend in backends}
        return parts | {f"service/{name}": _own(service) for name, service in self.world.services.items()}

    def _know(self, backends: Iterable[moto_state.Backend]) -> None:
        """Let these be roots, with the world and its services."""
        world = self.world
        roots: dict[str, object] = {_WORLD: world, "processes": world.processes, "services": world.services}
        roots |= {f"service/{name}": service for name, service in world.services.items()}
        for name, root in roots.items():
            self._scheme.know(name, root)
        for backend in backends:
            if backend.name not in self._scheme.roots:
                for name, root in backend.roots().items():
                    self._scheme.know(name, root)

    def _put(self, name: str, part: Encoded, decoder: Decoder) -> None:
        """Give a part back to whom it belongs."""
        if name == _WORLD:
            self.world.restore(decoder.part(name, part, self.world.state()))
        elif name == _SHARED:
            decoder.part(name, part, moto_state.shared())
        elif name.startswith("service/"):
            service = self.world.services.get(name.removeprefix("service/"))
            if service is None:
                raise UnreadableError(f"{name} is not a service of this version")
            vars(service).update(decoder.part(name, part, vars(service)))
        elif moto_state.is_backend(name):
            backend = moto_state.backend(name)
            backend.restore(decoder.part(name, part, vars(backend.made)))

    def _facts(self, unkept: set[str]) -> dict[str, str]:
        return version() | {
            "saved": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "endpoint": self.world.endpoint,
            "region": self.world.region,
            "unkept": "\n".join(sorted(unkept)),
        }


def _own(service: Service) -> dict[str, Any]:
    left_out = {"world", *getattr(service, "TRANSIENT", {})}
    return {name: value for name, value in vars(service).items() if name not in left_out}


@contextmanager
def _still() -> Iterator[None]:
    """Let no other thread run meanwhile, so that what is read is one moment's.

    CPython's interpreter passes from thread to thread where one blocks, which reading objects does not, or where
    another has waited for the switch interval. Whoever waits already has the old interval in mind: it goes first.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_STILL_SECONDS)
    try:
        end = time.perf_counter() + 2 * usual
        while time.perf_counter() < end:
            pass
        yield
    finally:
        sys.setswitchinterval(usual)
