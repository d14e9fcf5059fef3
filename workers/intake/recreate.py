"""Making a document again under the new version of its process (PRC-07): another order, linked to the one it replaces.

What is made is submitted like any other order, so that it is checked like one.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from messages.batch import Batch
from messages.orders import Order, OrderSubmitted, write_order
from shared.attempts import note_refused
from shared.calendar import BUSINESS_ZONE
from shared.catalogue import DefinitionError
from shared.comments import uncommented
from shared.database import Session
from shared.history import Kind
from shared.journal import Journal
from shared.money import from_minor
from shared.rulebook import Rulebook
from shared.standings import Standing, lock_standings
from shared.states import State, may_end
from shared.tasks import Refusal
from workers.intake.accept import Verdict, accept_orders
from workers.intake.parse import Limits, Submission


def recreate(
    session: Session,
    number: str,
    person: str,
    changed: bytes | None,
    limits: Limits,
    rules: Rulebook,
    now: datetime,
) -> tuple[Refusal | None, str | None, list[Batch]]:
    """Make the order again, as it stands or as the document `changed` says; returns why not, or the new number, and
    what is to be published after the commit. Refused attempts are recorded (AUD-01).
    """
    found = session.row("select order_id from core.order_headers where number = %s", number)
    folders = lock_standings(session, {found[0]} if found else set(), rules.definitions, rules.policies)
    if not folders:
        return Refusal("order.unknown", {"order": number}), None, []
    folder = next(iter(folders.values()))
    refusal = _refused(session, folder, person, rules, now)
    new: str | None = None
    batches: list[Batch] = []
    if refusal is None:
        refusal, new, batches = _make(session, folder, person, changed, limits, rules, now)
    if refusal:
        note_refused(session, now, person, "order.recreate", number, refusal)
    return refusal, new, batches


def _refused(session: Session, folder: Standing, person: str, rules: Rulebook, now: datetime) -> Refusal | None:
    order = folder.document
    named = {"order": order.number, "state": folder.state}
    if not isinstance(order, Order):
        return Refusal("order.none", named)
    if person != order.creator:
        return Refusal("recreation.creator", named | {"creator": order.creator})
    if not may_end(folder.state):
        return Refusal("recreation.state", named)
    if uncommented(session, [folder], now, rules.overrides):
        return Refusal("comment.needed", named)
    if not _is_superseded(folder, rules, now):
        return Refusal("recreation.not_needed", named | {"key": folder.definition.key})
    return None


def _is_superseded(folder: Standing, rules: Rulebook, now: datetime) -> bool:
    today = now.astimezone(BUSINESS_ZONE).date()
    try:
        present = rules.definition(folder.document.sale_type, today, _name(folder))
    except DefinitionError:
        return False  # there is none to go to
    return present.effective_from > folder.definition.effective_from


def _name(folder: Standing) -> str | None:
    """What the order named its process by; None where its sale type chose it."""
    return None if folder.document.sale_type in folder.definition.sale_types else folder.definition.name


def _make(
    session: Session,
    folder: Standing,
    person: str,
    changed: bytes | None,
    limits: Limits,
    rules: Rulebook,
    now: datetime,
) -> tuple[Refusal | None, str | None, list[Batch]]:
    order = folder.document
    assert isinstance(order, Order), "only orders are made again"
    try:
        document = json.loads(changed) if changed is not None else as_submitted(order) | {"definition": _name(folder)}
    except ValueError as error:
        return Refusal("recreation.faults", {"order": order.number, "faults": f"no JSON: {error}"}), None, []
    if isinstance(document, dict):  # whatever else it is, intake says so
        document |= {"source": order.source, "external_id": f"replaces {order.number}", "creator": order.creator}
    # The customer's own number goes over to the order that they will get (ENT-10).
    session.write(_CUSTOMER_NUMBER, None, order.id)
    # And so does the quotation that it was made from (INT-03).
    session.write(_FREE_QUOTATION, order.id)
    submission = Submission(json.dumps(document, ensure_ascii=False).encode(), f"replaces {order.number}")
    (receipt,), batches = accept_orders(session, [submission], limits, rules, now)
    if receipt.verdict is not Verdict.ACCEPTED or receipt.number is None:
        session.write(_CUSTOMER_NUMBER, order.customer_order_number, order.id)
        if order.quotation:
            session.write(_KEEP_QUOTATION, order.quotation, order.id, now)
        faults = "; ".join(f"{error.field}: {error.reason}" for error in receipt.errors)
        return Refusal("recreation.faults", {"order": order.number, "faults": faults}), None, []
    journal = Journal(now, rules.overrides)
    journal.end(folder, Kind.REPLACED, person, State.REPLACED, {"replaced_by": receipt.number})
    session.write(_LINK, now, order.id, receipt.number)
    return None, receipt.number, [*journal.write(session), *batches]


def as_submitted(order: Order) -> dict[str, Any]:
    """A stored order as it would be submitted today."""
    stored = json.loads(write_order(order))
    kept = {name: stored[name] for name in OrderSubmitted.model_fields if name in stored}
    lines = [
        {
            "product": line.product,
            "quantity": line.quantity,
            "unit_price": str(from_minor(line.unit_price_minor, order.currency)),
            "discount_percent": str(Decimal(line.discount_basis_points) / 100),
        }
        for line in order.lines
    ]
    return kept | {"lines": lines, "total": str(from_minor(order.total_minor, order.currency))}


_CUSTOMER_NUMBER = "update core.order_headers set customer_order_number = %s where order_id = %s"
_FREE_QUOTATION = "delete from core.quotation_uses where order_id = %s"
_KEEP_QUOTATION = "insert into core.quotation_uses (quotation, order_id, at) values (%s, %s, %s) on conflict do nothing"
_LINK = """
insert into core.links (at, kind, other_id, order_id)
select %s, 'replaces', %s, order_id from core.order_headers where number = %s
"""
