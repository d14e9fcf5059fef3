"""An outside system's side of the streams: publishes submissions, and reads what became of them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from shared.transport import connect, publish

ORDERS, EVENTS = "orders.submitted", "orderflow.events"
_AT_ONCE = 200


def publish_orders(broker_url: str, bodies: Sequence[bytes]) -> None:
    """Append the submissions to the upstream stream, as any language would with XADD."""
    with connect(broker_url) as connection:
        for start in range(0, len(bodies), _AT_ONCE):
            publish(connection, ORDERS, bodies[start : start + _AT_ONCE])


@dataclass(slots=True)
class Subscriber:
    """Follows the outgoing events from their beginning and keeps count; repeats of an event count once."""

    broker_url: str
    received: set[str] = field(default_factory=set)
    repeated: int = 0
    refused: int = 0
    states: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)
    _last: str = "0"
    _client: "redis.Redis | None" = None

    def read(self) -> int:
        """Take in everything new; returns how many events that was. Never blocks."""
        if self._client is None:
            self._client = redis.Redis.from_url(self.broker_url, socket_timeout=5)
        entries: Any = self._client.xrange(EVENTS, min=f"({self._last}" if self._last != "0" else "-", count=5_000)
        for entry_id, fields in entries:
            self._last = entry_id.decode()
            self._take(json.loads(fields[b"body"]))
        return len(entries)

    @property
    def answered(self) -> int:
        """How many submissions have had an answer: a receipt, the receipt of an earlier one, or a refusal."""
        return len(self.received) + self.repeated + self.refused

    def by_state(self) -> dict[str, int]:
        """How many orders are in each state, as far as the events tell."""
        return dict(Counter(self.states.values()))

    def _take(self, event: dict[str, str]) -> None:
        if event["id"] in self._seen:
            return
        self._seen.add(event["id"])
        kind, subject = event["type"], event.get("subject", "")
        self.events[kind] += 1
        if kind == "orderflow.submission.repeated":
            self.repeated += 1
        elif kind == "orderflow.submission.refused":
            self.refused += 1
        elif kind.startswith("orderflow.order."):
            self.received.add(subject)
            self.states[subject] = kind.rpartition(".")[2]
