"""The world of the whole process: carriers deliver, customers confirm and pay, each when an event tells them to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from shared.broker import Broker
from shared.money import from_minor

_EVENTS, _FACTS = "orderflow.events", "facts.reported"
_AT_ONCE, _WAIT_MS = 5_000, 100

Json = dict[str, Any]


@contextmanager
def answering(broker: Broker) -> Iterator[None]:
    """While this is open, every shipment is delivered and confirmed and every invoice is paid, at once and in full."""
    stop = threading.Event()
    thread = threading.Thread(target=_serve, args=(broker, stop), name="world")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve(broker: Broker, stop: threading.Event) -> None:
    newest: Any = broker.client.xrevrange(_EVENTS, count=1)
    last = newest[0][0] if newest else "0"
    while not stop.is_set():
        read: Any = broker.client.xread({_EVENTS: last}, count=_AT_ONCE, block=_WAIT_MS)
        facts = []
        for _, entries in read or ():
            last = entries[-1][0]
            facts += [fact for _, fields in entries for fact in _answers(fields[b"body"])]
        if facts:
            with broker.client.pipeline(transaction=False) as pipeline:
                for fact in facts:
                    pipeline.xadd(_FACTS, {"body": json.dumps(fact)})
                pipeline.execute()


def _answers(body: bytes) -> list[Json]:
    if b'"orderflow.shipment.dispatched"' in body:
        return _received(json.loads(body)["data"])
    if b'"orderflow.invoice.issued"' in body:
        return [_paid(json.loads(body)["data"])]
    return []


def _received(shipment: Json) -> list[Json]:
    order = shipment["order"]
    delivered = {"kind": "delivered", "order": order, "tracking_number": shipment["tracking_number"]}
    return [_fact(f"{order}-delivered", **delivered), _fact(f"{order}-received", kind="receipt_confirmed", order=order)]


def _paid(invoice: Json) -> Json:
    amount = f"{from_minor(invoice['amount_minor'], invoice['currency'])}"
    money = {"reference": invoice["invoice"], "amount": amount, "currency": invoice["currency"], "method": "wire"}
    return _fact(f"{invoice['invoice']}-paid", kind="payment_received", order=invoice["order"], **money)


def _fact(fact_id: str, **said: str) -> Json:
    return {"source": "bench", "fact_id": fact_id, "occurred_at": datetime.now(UTC).isoformat(), **said}
