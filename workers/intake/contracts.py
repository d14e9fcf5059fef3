"""Contracts at intake (合同收文): registered at once with number, date and parties; a new text is a new version.

What a contract lacks to be reviewed is for the preliminary check; here it is refused only where it is no contract:
without text or party (CMP-02), or naming what we do not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from messages.contracts import (
    Attachment,
    ContractSubmitted,
    Elements,
    Obligation,
    SalesContract,
    SubmittedAttachment,
    SubmittedObligation,
    Terms,
)
from messages.events import FieldError
from messages.facts.compliance import ContractReceived, ContractRevised
from messages.folders import DocumentKind, write_document
from messages.orders import Customer
from shared import notices
from shared.calendar import BUSINESS_ZONE
from shared.catalogue import DefinitionError
from shared.database import Session, array, columns
from shared.folders import Opening, fingerprint, link, open_folders
from shared.history import Kind
from shared.journal import Journal
from shared.money import MoneyError, convert, from_minor, to_minor
from shared.notices import Notice
from shared.numbering import take
from shared.outbox import Announcement, announce, to_json
from shared.policy import Policy
from shared.processes import Definition, select
from shared.rulebook import Rulebook
from shared.standings import Standing
from shared.states import State
from workers.intake.check import Amounts, Fault, amounts
from workers.intake.parse import Refused, field_error

CONTRACT_OF = "contract_of"
"""How a contract is linked to its order."""

_MAY_BE_REVISED = (State.IN_REVIEW, State.APPROVED)


@dataclass(frozen=True, slots=True)
class Known:
    """What the contracts of one transaction refer to: customers, orders by number with their ids."""

    customers: frozenset[str]
    orders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A contract without faults: its amounts, its process, and the id of its order."""

    amounts: Amounts
    obligations: tuple[Obligation, ...]
    definition: Definition
    policy: Policy
    order_id: str | None


def look_up(session: Session, documents: Sequence[ContractSubmitted]) -> Known:
    """Everything that these contracts refer to, in one round trip."""
    if not documents:
        return Known(frozenset(), {})
    customers, orders = session.together(
        (_CUSTOMERS, (array(sorted({each.buyer.code for each in documents})),)),
        (_ORDERS, (array(sorted({each.order for each in documents if each.order})),)),
    )
    return Known(frozenset(row[0] for row in customers), dict(orders))


def check(submitted: ContractSubmitted, known: Known, rules: Rulebook, today: date) -> Checked:
    """Raises `Refused` with every fault of a well-formed contract."""
    errors: list[FieldError] = []

    def fault(field: str, code: str, reason: str) -> None:
        errors.append(FieldError(field=f"document.{field}", code=code, reason=reason))

    if submitted.buyer.code not in known.customers:
        fault("buyer.code", "unknown_customer", f"no customer {submitted.buyer.code}")
    if submitted.buyer.code == submitted.seller.code:
        fault("seller.code", "same_party", "the seller is another party than the buyer")
    if submitted.order and submitted.order not in known.orders:
        fault("order", "unknown_order", f"there is no order {submitted.order}")
    policy = rules.policy(today)
    counted = amounts(submitted, policy, fault) if submitted.lines else _stated(submitted, policy, fault)
    obligations = [_obligation(*each, submitted.currency, fault) for each in enumerate(submitted.obligations)]
    definition = _definition(submitted, rules, today, fault)
    if errors or counted is None or definition is None:
        raise Refused(errors)
    return Checked(counted, tuple(obligations), definition, policy, known.orders.get(submitted.order or ""))


def _stated(submitted: ContractSubmitted, policy: Policy, fault: Fault) -> Amounts | None:
    """The total as it stands in a contract that does not list its goods."""
    try:
        total = to_minor(submitted.total, submitted.currency)
        return Amounts((), total, convert(total, submitted.currency, policy.base_currency, policy.rates))
    except MoneyError as error:
        fault("total", "amount", str(error))
        return None


def _definition(submitted: ContractSubmitted, rules: Rulebook, today: date, fault: Fault) -> Definition | None:
    try:
        return select(rules.definitions, submitted.sale_type, today, submitted.definition, DocumentKind.CONTRACT)
    except DefinitionError as error:
        fault("definition", "unknown_definition", str(error))
        return None


def _obligation(place: int, submitted: SubmittedObligation, currency: str, fault: Fault) -> Obligation:
    amount = None
    try:
        amount = None if submitted.amount is None else to_minor(submitted.amount, currency)
    except MoneyError as error:
        fault(f"obligations.{place}.amount", "amount", str(error))
    return Obligation(
        number=place + 1, kind=submitted.kind, what=submitted.what, due=submitted.due, amount_minor=amount
    )


def register(
    session: Session, journal: Journal, received: Sequence[tuple[str, ContractReceived, Checked]]
) -> list[str]:
    """Open a folder for each, given as (its id, what came in, how it was checked), tell who is concerned, and return
    their numbers.
    """
    numbers = take(session, "CT", journal.now, len(received))
    opening = []
    for number, (contract_id, fact, checked) in zip(numbers, received, strict=True):
        identity = _Identity(contract_id, number, fact.source, fact.fact_id, fact.by, journal.now)
        document = _document(identity, fact.document, checked)
        links = ((CONTRACT_OF, checked.order_id),) if checked.order_id else ()
        opening.append(Opening(document, checked.definition, checked.policy, fact.by, {"dated": document.dated}, links))
    open_folders(session, journal, opening)
    documents = [one.document for one in opening if isinstance(one.document, SalesContract)]
    if documents:
        session.write(_REGISTER, *columns([_header(each) for each in documents], 10))
    announce(session, [_registered(one, journal.now) for one in opening])
    notices.write(session, [each for one in opening for each in _told(one)], journal.now)
    return numbers


def revise(session: Session, journal: Journal, fact: ContractRevised, folder: Standing, checked: Checked) -> None:
    """A new version: every opinion is asked again, in a new round (CMP-07). Raises `Refused` where it is too late, or
    where another person than who registered it revises it.
    """
    document = folder.document
    errors = []
    if not isinstance(document, SalesContract):
        raise Refused([field_error("contract", "no_contract", f"{fact.contract} is no contract")])
    if fact.by != document.creator:
        words = f"only {document.creator}, who registered it, may revise {fact.contract}"
        errors.append(field_error("by", "not_creator", words))
    if folder.closing is not None or folder.state not in (*_MAY_BE_REVISED, State.RETURNED):
        errors.append(field_error("contract", "not_revisable", f"{fact.contract} is {folder.state}: it is not revised"))
    if checked.definition.key != folder.definition.key and folder.state is not State.RETURNED:
        words = f"its review goes on by {folder.definition.key}, not by {checked.definition.key}"
        errors.append(field_error("document.definition", "other_definition", words))
    if errors:
        raise Refused(errors)
    identity = _Identity(
        document.id, document.number, document.source, document.external_id, document.creator, document.created_at
    )
    stored = _store(session, folder, _document(identity, fact.document, checked), checked, journal.now)
    data = {"revision": folder.revision, "document": stored}
    if folder.state is State.RETURNED:
        folder.round += 1
        journal.begin_round(folder, Kind.RESUBMITTED, fact.by, data)
    else:
        journal.amend(folder, fact.by, data)


def _store(session: Session, folder: Standing, revised: SalesContract, checked: Checked, now: datetime) -> str:
    """Queue the new revision; returns the fingerprint of what is stored."""
    before, text = folder.document, write_document(revised)
    folder.document, folder.definition, folder.policy = revised, checked.definition, checked.policy
    folder.revision += 1
    session.write(_REVISE, folder.id, folder.revision, text)
    session.write(_REPIN, folder.definition.key, folder.policy.key, folder.id)
    session.write(
        _REHEAD,
        revised.customer.code,
        revised.customer.name,
        revised.sale_type,
        revised.currency,
        revised.total_minor,
        revised.total_base_minor,
        folder.id,
    )
    session.write(_REREGISTER, *_header(revised)[2:], folder.id)
    if isinstance(before, SalesContract) and before.order != revised.order:
        session.write(_UNLINK, folder.id, CONTRACT_OF)
        link(session, [(folder.id, CONTRACT_OF, checked.order_id)] if checked.order_id else [], now)
    return fingerprint(text)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What of a contract never changes."""

    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime


def _document(identity: _Identity, submitted: ContractSubmitted, checked: Checked) -> SalesContract:
    return SalesContract(
        id=identity.id,
        number=identity.number,
        source=identity.source,
        external_id=identity.external_id,
        creator=identity.creator,
        created_at=identity.created_at,
        dated=submitted.dated,
        seller=Customer(code=submitted.seller.code, name=submitted.seller.name),
        customer=Customer(code=submitted.buyer.code, name=submitted.buyer.name),
        sale_type=submitted.sale_type,
        currency=submitted.currency,
        lines=checked.amounts.lines,
        total_minor=checked.amounts.total_minor,
        total_base_minor=checked.amounts.total_base_minor,
        order=submitted.order,
        elements=Elements(**submitted.elements.model_dump()),
        terms=Terms(**submitted.terms.model_dump()),
        obligations=checked.obligations,
        attachments=tuple([_attachment(each) for each in submitted.attachments]),
        text=submitted.text,
    )


def _attachment(submitted: SubmittedAttachment) -> Attachment:
    return Attachment(**submitted.model_dump())


def _header(document: SalesContract) -> tuple[object, ...]:
    return (
        document.id,
        document.number,
        document.dated,
        document.seller.code,
        document.seller.name,
        document.customer.code,
        document.customer.name,
        document.currency,
        document.total_minor,
        document.order,
    )


def _told(one: Opening) -> list[Notice]:
    """To every department that will review it (CMP-02)."""
    document = one.document
    text = to_json({"order": document.number, "by": one.actor})
    return [
        Notice(f"{document.id}/registered", f"department:{department}", document.id, Kind.RECEIVED, text)
        for department in _departments(one)
    ]


def _departments(one: Opening) -> list[str]:
    return list(dict.fromkeys([step.department for step in one.definition.steps]))


def _registered(one: Opening, now: datetime) -> Announcement:
    document = one.document
    assert isinstance(document, SalesContract), "only contracts are registered here"
    return Announcement(
        f"{document.id}/registered",
        "orderflow.contract_registered",
        document.number,
        now,
        {
            "schema_version": 1,
            "contract": document.number,
            "dated": document.dated,
            "seller": document.seller.name,
            "buyer": document.customer.name,
            "amount": str(from_minor(document.total_minor, document.currency)),
            "currency": document.currency,
            "order": document.order,
            "departments": _departments(one),
        },
    )


def today_of(now: datetime) -> date:
    """The business day."""
    return now.astimezone(BUSINESS_ZONE).date()


_CUSTOMERS = """
select c.customer from unnest(%s::text[]) as k(customer)
join sales_review.customer_list c on c.customer = k.customer
"""
_ORDERS = """
select h.number, h.order_id from unnest(%s::text[]) as k(number)
join core.order_headers h on h.number = k.number and h.document_kind = 'order'
"""
_REGISTER = """
insert into core.contract_headers (order_id, number, dated, seller, seller_name, buyer, buyer_name, currency,
    total_minor, order_number)
select * from unnest(%s::uuid[], %s::text[], %s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::bigint[], %s::text[])
"""
_REVISE = "insert into core.order_documents (order_id, revision, document) values (%s, %s, %s::json)"
_REPIN = "update core.orders set definition = %s, policy = %s where id = %s"
_REHEAD = """
update core.order_headers set customer = %s, customer_name = %s, sale_type = %s, currency = %s, total_minor = %s,
    total_base_minor = %s where order_id = %s
"""
_REREGISTER = """
update core.contract_headers set dated = %s, seller = %s, seller_name = %s, buyer = %s, buyer_name = %s, currency = %s,
    total_minor = %s, order_number = %s where order_id = %s
"""
_UNLINK = "delete from core.links where order_id = %s and kind = %s"
