"""What moves an order as a whole, under its lock: cancelling, resubmitting, withdrawing and amending it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from messages.commands import Fact
from messages.delivery_notes import DeliveryNote
from messages.events import FieldError
from messages.facts.compliance import ContractRevised
from messages.facts.logistics import DeliveryNoteResubmitted
from messages.facts.sales_review import (
    CancellationRequested,
    InformationGiven,
    OrderAmended,
    OrderResubmitted,
    WithdrawalRequested,
)
from messages.orders import DELIVERY_DATE_FIELD, Order, write_order
from shared import questions
from shared.calendar import BUSINESS_ZONE
from shared.comments import is_overdue, uncommented
from shared.database import Session
from shared.folders import fingerprint
from shared.history import Kind
from shared.journal import Journal
from shared.processes import Definition, may_finish
from shared.rulebook import Rulebook
from shared.standings import Standing
from shared.states import State, may_be_amended
from shared.tasks import Refusal
from shared.withdrawals import Decided, refused, take_back, who_decided
from workers.intake import contracts, notes
from workers.intake.accept import examine_again
from workers.intake.check import Catalog
from workers.intake.parse import Refused, explained, field_error
from workers.intake.records import catalog_for

Change = (
    CancellationRequested
    | OrderResubmitted
    | WithdrawalRequested
    | OrderAmended
    | ContractRevised
    | DeliveryNoteResubmitted
    | InformationGiven
)

APPROVED_ON = (
    "lines", "currency", "payment", "requested_date", "delivery_date", "delivery", "special_requirements", "channel",
)  # fmt: skip
"""What the approvals of an order rested on: product, quantity, price, terms, date. Who to ask about it is not."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the changes of one transaction are judged by, read once for all of them."""

    rules: Rulebook
    today: date
    catalog: Catalog
    contracts: contracts.Known
    carriers: frozenset[str]
    decided: Decided
    uncommented: frozenset[str]
    questions: dict[str, questions.Question]
    """Not answered yet, also not by a fact before."""


def look_up(session: Session, pairs: Sequence[tuple[Fact, Standing]], rules: Rulebook, now: datetime) -> Grounds:
    """Everything that `follow` needs to know of these facts and their orders, which are locked."""
    documents = [fact.document for fact, _ in pairs if isinstance(fact, OrderResubmitted | OrderAmended)]
    withdrawn = {folder.id for fact, folder in pairs if isinstance(fact, WithdrawalRequested)}
    return Grounds(
        rules,
        now.astimezone(BUSINESS_ZONE).date(),
        catalog_for(session, documents),
        contracts.look_up(session, [fact.document for fact, _ in pairs if isinstance(fact, ContractRevised)]),
        notes.carriers(session, [fact for fact, _ in pairs if isinstance(fact, DeliveryNoteResubmitted)]),
        who_decided(session, withdrawn) if withdrawn else {},
        frozenset(uncommented(session, [folder for _, folder in pairs], now, rules.overrides)),
        questions.unanswered(session, {folder.id for fact, folder in pairs if isinstance(fact, InformationGiven)}),
    )


def follow(session: Session, journal: Journal, fact: Fact, folder: Standing, grounds: Grounds, fact_id: str) -> None:
    """Make the order's move. Raises `Refused` with every reason why it cannot be made."""
    match fact:
        case CancellationRequested():
            _cancel(journal, folder, fact, grounds, fact_id)
        case WithdrawalRequested():
            _withdraw(journal, folder, fact, grounds)
        case OrderResubmitted() | OrderAmended() if not isinstance(folder.document, Order):
            raise Refused([explained("order", Refusal("order.none", _named(folder)))])
        case OrderResubmitted():
            _resubmit(session, journal, folder, fact, grounds)
        case DeliveryNoteResubmitted():
            notes.resubmit(session, journal, fact, folder, grounds.carriers)
        case ContractRevised():
            checked = contracts.check(fact.document, grounds.contracts, grounds.rules, grounds.today)
            contracts.revise(session, journal, fact, folder, checked)
        case InformationGiven():
            _inform(session, journal, folder, fact, grounds, fact_id)
        case OrderAmended():
            _amend(session, journal, folder, fact, grounds)


def _withdraw(journal: Journal, folder: Standing, fact: WithdrawalRequested, grounds: Grounds) -> None:
    refusal = refused(folder, fact.by, grounds.decided)
    if refusal:
        raise Refused([explained("by" if refusal.code.endswith("creator") else "order", refusal)])
    take_back(journal, folder, fact.by, fact.reason)


def _inform(
    session: Session, journal: Journal, folder: Standing, fact: InformationGiven, grounds: Grounds, fact_id: str
) -> None:
    asked = grounds.questions.pop(folder.id, None)
    refusal = questions.answer(session, journal, folder, asked, fact.answer, fact.source, fact_id)
    if refusal:
        raise Refused([explained("order", refusal)])


def _cancel(journal: Journal, folder: Standing, fact: CancellationRequested, grounds: Grounds, fact_id: str) -> None:
    if folder.id in grounds.uncommented:
        raise Refused([explained("order", Refusal("comment.needed", _named(folder)))])
    if isinstance(folder.document, DeliveryNote) and is_overdue(folder, journal.now, grounds.rules.overrides):
        raise Refused([explained("order", Refusal("note.overdue", _named(folder)))])
    if not journal.cancel(folder, fact.source, {"reason": fact.reason, "fact": fact_id}):
        raise Refused([field_error("order", "not_cancellable", f"{fact.order} is {folder.state}: too late to cancel")])


def _resubmit(session: Session, journal: Journal, folder: Standing, fact: OrderResubmitted, grounds: Grounds) -> None:
    """A returned order comes back changed: a new revision and a new round from the first step (APR-09).

    Refused where it is not returned, where another person than its creator resubmits it (APR-01), where another order
    is meant, where its process may no longer be used (PRC-07), or where the new document has faults.
    """
    errors = []
    if folder.state is not State.RETURNED:
        errors.append(field_error("order", "not_returned", f"{fact.order} is {folder.state}, not returned"))
    revised, definition = _revised(folder, fact, grounds, errors)
    if errors or revised is None or definition is None:
        raise Refused(errors)
    assert isinstance(folder.document, Order), "only orders are resubmitted"
    changed = _changed(folder.document, revised)
    folder.definition = definition
    stored = _store(session, folder, revised, grounds)
    folder.round += 1
    data = {"revision": folder.revision, "document": stored, "changed": changed}
    journal.begin_round(folder, Kind.RESUBMITTED, fact.by, data)


def _amend(session: Session, journal: Journal, folder: Standing, fact: OrderAmended, grounds: Grounds) -> None:
    """An approved order is changed (ENT-09): what its approvals rested on opens a new round, the rest is recorded.

    Refused in review (withdraw it), while returned (resubmit it), and, of what approvals rested on, after shipping.
    """
    before = folder.document
    errors: list[FieldError] = []
    revised, definition = _revised(folder, fact, grounds, errors)
    changed = _changed(before, revised) if isinstance(before, Order) and revised else {}
    if _beyond_changes(folder):
        errors.append(explained("order", Refusal("amendment.state", _named(folder))))
    elif not may_be_amended(folder.state) and set(changed) & set(APPROVED_ON):
        fields = ", ".join(name for name in APPROVED_ON if name in changed)
        errors.append(explained("order", Refusal("amendment.shipped", _named(folder) | {"fields": fields})))
    if definition is not None and definition.key != folder.definition.key:
        errors.append(explained("sale_type", Refusal("amendment.process", _named(folder))))
    if errors or revised is None:
        raise Refused(errors)
    if not changed:
        raise Refused([explained("document", Refusal("amendment.nothing", _named(folder)))])
    stored = _store(session, folder, revised, grounds)
    data = {"revision": folder.revision, "document": stored, "changed": changed, "policy": folder.policy.key}
    if set(changed) & set(APPROVED_ON):
        journal.amend(folder, fact.by, data)
    else:
        journal.note(folder, Kind.AMENDED, None, fact.by, data)


def _beyond_changes(folder: Standing) -> bool:
    """Being undone, or where an amendment is no way at all: a document in review, with its creator, or finished."""
    return folder.closing is not None or folder.state not in _AMENDABLE


_AMENDABLE = frozenset({*filter(may_be_amended, State), State.SHIPPED, State.RECEIVED, State.SETTLED})


def _revised(
    folder: Standing, fact: OrderResubmitted | OrderAmended, grounds: Grounds, errors: list[FieldError]
) -> tuple[Order | None, Definition | None]:
    """The new revision, checked like a new order; adds every fault to `errors`."""
    submitted, order = fact.document, folder.document
    assert isinstance(order, Order), "only orders are handed in changed"
    if fact.by != order.creator:
        word = "resubmit" if isinstance(fact, OrderResubmitted) else "amend"
        errors.append(
            field_error("by", "not_creator", f"only {order.creator}, who created it, may {word} {fact.order}")
        )
    if (submitted.source, submitted.external_id) != (order.source, order.external_id):
        errors.append(field_error("document", "other_order", f"{fact.order} is {order.external_id} of {order.source}"))
    if folder.id in grounds.uncommented:
        moved = [name for name in _DATES if getattr(submitted, name) != _given(getattr(order, name))]
        errors += [explained(name, Refusal("comment.needed", _named(folder))) for name in moved]
    revised, definition, faults = examine_again(submitted, order, grounds.catalog, grounds.rules, grounds.today)
    errors += faults
    if definition and not may_finish(grounds.rules.definitions, definition, submitted.sale_type, grounds.today):
        errors.append(explained("definition", Refusal("definition.over", _named(folder) | {"key": definition.key})))
    return revised, definition


_DATES = ("requested_date", *DELIVERY_DATE_FIELD.values())


def _given(value: object) -> object:
    return None if value is msgspec.UNSET else value


def _changed(before: Order, after: Order) -> dict[str, list[object]]:
    """By field, the old and the new value (AUD-01)."""
    names = (*APPROVED_ON, "contact", "customer", "entry_system", "total_minor")
    return {
        name: [getattr(before, name), getattr(after, name)]
        for name in names
        if getattr(before, name) != getattr(after, name)
    }


def _store(session: Session, folder: Standing, revised: Order, grounds: Grounds) -> str:
    """Queue the new revision; returns the fingerprint of what is stored."""
    folder.document, folder.policy = revised, grounds.rules.policy(grounds.today)
    folder.revision += 1
    text = write_order(revised)
    session.write(_REVISE, folder.id, folder.revision, text)
    session.write(_REPIN, folder.definition.key, folder.policy.key, folder.id)
    session.write(
        _HEADER,
        revised.total_minor,
        revised.total_base_minor,
        revised.requested_date,
        revised.delivery_date,
        revised.currency,
        revised.customer.name,
        revised.sale_type,
        revised.channel,
        folder.id,
    )
    return fingerprint(text)


def _named(folder: Standing) -> dict[str, str]:
    return {"order": folder.document.number, "state": folder.state}


_REVISE = "insert into core.order_documents (order_id, revision, document) values (%s, %s, %s::json)"
_REPIN = "update core.orders set definition = %s, policy = %s where id = %s"
_HEADER = """
update core.order_headers set total_minor = %s, total_base_minor = %s, requested_date = %s,
    delivery_date = %s, currency = %s, customer_name = %s, sale_type = %s, channel = %s where order_id = %s
"""
