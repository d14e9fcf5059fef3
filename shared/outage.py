"""Telling of a server that is away: when it goes, ever more seldom while it stays away, and when it is back."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outage:
    """For one loop that tries again and again; threads may share it. `about` names it in the log.

    An outage lasts from the first `noticed` to the next `over`.
    """

    about: dict[str, str]
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _since: float | None = None
    _tell_at: float = 0.0
    _pause: float = 0.0

    def noticed(self, error: Exception, **more: Any) -> None:
        """It failed (once more)."""
        with self._lock:
            now = self.clock()
            if self._since is None:
                self._since, self._tell_at, self._pause = now, now, _FIRST_PAUSE_SECONDS
            if now < self._tell_at:
                return
            seconds = now - self._since
            self._tell_at, self._pause = now + self._pause, min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        log.warning("outage", **self.about, error=f"{type(error).__name__}: {error}", seconds=round(seconds, 1), **more)

    def over(self) -> None:
        """It works. Costs nothing where it has worked all the time."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
        if since is not None:
            log.info("outage.over", **self.about, seconds=round(self.clock() - since, 1))
