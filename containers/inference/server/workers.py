"""Worker processes: made by forking, so that they share the memory of what was imported before."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("serve")

REFUSED = 1  # exit status of a worker that can't serve, as no other could
PAUSE = 1  # seconds before a worker that died is replaced, so that one that dies at once doesn't take all the CPU


class Workers:
    """Keeps a number of processes at work on one listening socket."""

    def __init__(self, count: int, work: Callable[[], int], listener: socket.socket) -> None:
        self.count, self.work, self.listener = count, work, listener
        self.pids: set[int] = set()
        self.stopping = False

    def run(self) -> int:
        """Return 0 once all have ended after SIGTERM, 1 when one could not serve."""
        signal.signal(signal.SIGTERM, self.stop)
        for _ in range(self.count):
            self.start()
        result = 0
        while self.pids:
            pid, status = os.wait()
            if pid not in self.pids:
                continue
            self.pids.remove(pid)
            if not self.stopping:
                result = self.replace(pid, os.waitstatus_to_exitcode(status))
        return result

    def replace(self, pid: int, status: int) -> int:
        """Start another worker for one that died, or end all when none can serve; returns the exit status so far."""
        if status == REFUSED:
            self.stop()
            return 1
        logger.error("process %d ended with status %d; another takes its place", pid, status)
        time.sleep(PAUSE)
        self.start()
        return 0

    def start(self) -> None:
        """Fork one worker; a signal that comes meanwhile waits until it is known whose it is."""
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        if not self.stopping:
            pid = os.fork()
            if pid == 0:
                self.become_worker()
            self.pids.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def become_worker(self) -> None:
        """Work, and end the process without the parent's clean-up."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        status = REFUSED
        try:
            status = self.work()
        except BaseException:
            logger.exception("process %d failed", os.getpid())
        finally:
            logging.shutdown()
            os._exit(status)

    def stop(self, *_: Any) -> None:
        """Ask all to end; they finish the requests that they have."""
        self.stopping = True
        # As long as one process keeps it open, clients could connect, to nobody.
        self.listener.close()
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)
