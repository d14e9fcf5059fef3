"""Many submissions in one transaction: accepted, repeated, conflicting or refused, each with its receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from messages.batch import Batch
from messages.events import FieldError
from messages.orders import Order, OrderSubmitted
from shared.catalogue import DefinitionError
from shared.database import Row, Session, array, columns, json_list
from shared.history import Kind
from shared.ids import new_id
from shared.journal import Journal, Standing
from shared.numbering import BUSINESS_ZONE, take
from shared.outbox import Announcement, announce
from shared.processes import Definition
from shared.rulebook import Rulebook
from shared.states import State
from workers.intake.check import Amounts, Catalog, check, content_hash, document
from workers.intake.parse import Limits, Refused, Submission, parse_submission, refuse
from workers.intake.refusals import Refusal, record


class Verdict(StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one submission, in the order in which they were handed in."""

    verdict: Verdict
    number: str | None = None
    errors: tuple[FieldError, ...] = ()
    external_id: str | None = None
    """What the sender calls it, as far as that could be read: an order's external id, a fact's id."""


@dataclass(slots=True)
class _Entry:
    """A well-formed submission on its way to becoming an order."""

    place: int
    submission: Submission
    submitted: OrderSubmitted
    hash: bytes
    definition: Definition | None = None
    amounts: Amounts | None = None
    order_id: str = ""
    number: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.submitted.source, self.submitted.external_id


def accept_orders(
    session: Session, submissions: Sequence[Submission], limits: Limits, rules: Rulebook, now: datetime
) -> tuple[list[Receipt], list[Batch]]:
    """Take all of them; a bad one does not disturb its neighbours. The batches are to be published after the commit.

    `(source, external_id)` names an order for ever: the same content again gets the same receipt, other content is a
    recorded conflict. Raises nothing for what is wrong with a submission.
    """
    today = now.astimezone(BUSINESS_ZONE).date()
    receipts: list[Receipt | None] = [None] * len(submissions)
    refusals: list[Refusal] = []
    entries: list[_Entry] = []
    for place, submission in enumerate(submissions):
        try:
            submitted = parse_submission(submission, limits)
            entries.append(_Entry(place, submission, submitted, content_hash(submitted)))
        except Refused as refused:
            _refuse(place, submission, refused, receipts, refusals)
    announcements: list[Announcement] = []
    batches: list[Batch] = []
    if entries:
        known, catalog = _look_up(session, entries)
        fresh = []
        seen: dict[tuple[str, str], _Entry] = {}
        for entry in entries:
            if entry.key in known or entry.key in seen:
                continue
            seen[entry.key] = entry
            fault = _examine(entry, catalog, rules, today, today)
            if fault is None:
                fresh.append(entry)
            else:
                _refuse(entry.place, entry.submission, fault, receipts, refusals)
        inserted = _insert_headers(session, fresh, now)
        created = {entry.place for entry in inserted}
        known |= {entry.key: (entry.number, entry.hash) for entry in inserted}
        lost = [entry for entry in fresh if entry.place not in created]
        if lost:
            known |= _existing(session, lost)
            _refuse_taken_numbers(session, [each for each in lost if each.key not in known], receipts, refusals)
        batches = _create(session, inserted, catalog, rules, now)
        for entry in entries:
            if receipts[entry.place] is None:
                receipts[entry.place] = _receipt(entry, entry.place in created, known, seen, receipts, refusals)
        announcements += _repeats(entries, receipts, now)
    announcements += record(session, refusals, now)
    announce(session, announcements)
    return [receipt for receipt in receipts if receipt is not None], batches


def catalog_for(session: Session, documents: Sequence[OrderSubmitted]) -> Catalog:
    """The master data that these documents refer to."""
    if not documents:
        return Catalog({}, frozenset())
    parties, goods = session.together(
        (_CUSTOMERS, (array(sorted({each.customer.code for each in documents})),)),
        (_PRODUCTS, (array(sorted({line.product for each in documents for line in each.lines})),)),
    )
    return _catalog(parties, goods)


def examine_again(
    submitted: OrderSubmitted, order: Order, catalog: Catalog, rules: Rulebook, today: date
) -> tuple[Order | None, Definition | None, list[FieldError]]:
    """Check a changed document of an existing order as a new one; the new revision and its definition, or every fault.

    It keeps to the version of its process that was in force when it was created, for as long as that may be (PRC-06).
    """
    entry = _Entry(0, Submission(b"", ""), submitted, b"")
    created = order.created_at.astimezone(BUSINESS_ZONE).date()
    fault = _examine(entry, catalog, rules, today, created)
    errors = list(fault.errors) if fault else []
    if submitted.customer.code != order.customer.code:
        errors.append(
            FieldError(field="customer.code", code="changed", reason="the customer of an order never changes")
        )
    if submitted.customer_order_number != order.customer_order_number:
        errors.append(
            FieldError(field="customer_order_number", code="changed", reason="it names the order and never changes")
        )
    if errors or entry.amounts is None:
        return None, None, errors
    revised, _ = document(
        submitted,
        entry.amounts,
        catalog,
        order_id=order.id,
        number=order.number,
        created_at=order.created_at,
        creator=order.creator,
    )
    return revised, entry.definition, []


def _examine(entry: _Entry, catalog: Catalog, rules: Rulebook, today: date, created: date) -> Refused | None:
    submitted = entry.submitted
    entry.amounts, errors = check(submitted, catalog, rules.policy(today), today)
    try:
        entry.definition = rules.definition(submitted.sale_type, created, submitted.definition)
    except DefinitionError as error:
        errors.append(FieldError(field="definition", code="unknown_definition", reason=str(error)))
    return Refused(errors, *entry.key) if errors else None


def _receipt(
    entry: _Entry,
    created: bool,
    known: dict[tuple[str, str], tuple[str, bytes]],
    seen: dict[tuple[str, str], _Entry],
    receipts: list[Receipt | None],
    refusals: list[Refusal],
) -> Receipt:
    if created:
        return Receipt(Verdict.ACCEPTED, entry.number, external_id=entry.key[1])
    if entry.key not in known:  # its twin in the same batch was refused, and so is this
        twin = receipts[seen[entry.key].place]
        assert twin is not None, "whatever is neither known nor created has been refused"
        refusals.append(Refusal("order", entry.submission, *entry.key, twin.errors))
        return twin
    number, hash_ = known[entry.key]
    if hash_ == entry.hash:
        return Receipt(Verdict.REPEATED, number, external_id=entry.key[1])
    error = FieldError(field="external_id", code="conflict", reason=f"already received with other content, as {number}")
    errors = entry.submission.placed([error])
    refusals.append(Refusal("conflict", entry.submission, *entry.key, errors))
    return Receipt(Verdict.CONFLICT, number, errors, entry.key[1])


def _refuse(
    place: int,
    submission: Submission,
    refused: Refused,
    receipts: list[Receipt | None],
    refusals: list[Refusal],
) -> None:
    errors = submission.placed(refused.errors)
    receipts[place] = Receipt(Verdict.REFUSED, None, errors, refused.external_id)
    refusals.append(Refusal("order", submission, refused.source, refused.external_id, errors))


def _look_up(session: Session, entries: Sequence[_Entry]) -> tuple[dict[tuple[str, str], tuple[str, bytes]], Catalog]:
    keys = columns([entry.key for entry in entries], 2)
    customers = array(sorted({entry.submitted.customer.code for entry in entries}))
    products = array(sorted({line.product for entry in entries for line in entry.submitted.lines}))
    existing, parties, goods = session.together(
        (_EXISTING, tuple(keys)), (_CUSTOMERS, (customers,)), (_PRODUCTS, (products,))
    )
    return _by_key(existing), _catalog(parties, goods)


def _catalog(parties: Sequence[Row], goods: Sequence[Row]) -> Catalog:
    return Catalog({row[0]: (row[1], row[2]) for row in parties}, frozenset(row[0] for row in goods))


def _existing(session: Session, entries: Sequence[_Entry]) -> dict[tuple[str, str], tuple[str, bytes]]:
    return _by_key(session.rows(_EXISTING, *columns([entry.key for entry in entries], 2)))


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[str, bytes]]:
    return {(source, external_id): (number, hash_) for source, external_id, number, hash_ in rows}


def _insert_headers(session: Session, entries: list[_Entry], now: datetime) -> list[_Entry]:
    """Insert what no unique constraint forbids; returns the entries that became orders (ENT-05, ENT-10)."""
    if not entries:
        return []
    for entry, number in zip(entries, take(session, "SO", now, len(entries)), strict=True):
        entry.order_id, entry.number = new_id(), number
    rows = [_header(entry) for entry in entries]
    inserted = {row[0] for row in session.rows(_HEADERS, now, *columns(rows, 15))}
    return [entry for entry in entries if entry.order_id in inserted]


def _header(entry: _Entry) -> tuple[object, ...]:
    submitted, amounts = entry.submitted, entry.amounts
    assert amounts is not None, "only checked entries are inserted"
    return (
        entry.order_id,
        entry.number,
        submitted.source,
        submitted.external_id,
        entry.hash,
        submitted.creator or submitted.source,
        submitted.customer.code,
        submitted.customer.name,
        submitted.customer_order_number,
        submitted.sale_type,
        submitted.channel,
        submitted.currency,
        amounts.total_minor,
        amounts.total_base_minor,
        submitted.requested_date,
    )


def _refuse_taken_numbers(
    session: Session, entries: Sequence[_Entry], receipts: list[Receipt | None], refusals: list[Refusal]
) -> None:
    """What was not inserted and is not there either: the customer's own order number is taken (ENT-10)."""
    if not entries:
        return
    pairs = [(entry.submitted.customer.code, entry.submitted.customer_order_number or "") for entry in entries]
    taken = {(row[0], row[1]): row[2] for row in session.rows(_TAKEN, *columns(pairs, 2))}
    for entry, pair in zip(entries, pairs, strict=True):
        first = taken.get(pair, "another order of the same batch")
        fault = refuse("customer_order_number", "duplicate", f"{pair[1]} of this customer is {first} already")
        _refuse(entry.place, entry.submission, Refused(fault.errors, *entry.key), receipts, refusals)


def _create(
    session: Session, entries: Sequence[_Entry], catalog: Catalog, rules: Rulebook, now: datetime
) -> list[Batch]:
    journal = Journal(now)
    documents = []
    pinned = rules.policy(now.astimezone(BUSINESS_ZONE).date())
    for entry in entries:
        assert entry.amounts is not None and entry.definition is not None, "only checked entries become orders"  # noqa: PT018
        submitted = entry.submitted
        order, text = document(
            submitted,
            entry.amounts,
            catalog,
            order_id=entry.order_id,
            number=entry.number,
            created_at=now,
            creator=submitted.creator or submitted.source,
        )
        documents.append((order.id, text))
        folder = Standing(
            order.id, 0, State.DRAFT, 1, 1, [], [], None, b"", entry.definition, pinned, order
        )  # fmt: skip
        journal.begin_round(folder, Kind.RECEIVED, order.creator, {"origin": entry.submission.origin})
    if documents:
        ids, texts = zip(*documents, strict=True)
        session.write(_DOCUMENTS, array(ids), json_list(texts))
    return journal.write(session)


def _repeats(entries: Sequence[_Entry], receipts: Sequence[Receipt | None], now: datetime) -> list[Announcement]:
    repeats = []
    for entry in entries:
        receipt = receipts[entry.place]
        if receipt and receipt.verdict is Verdict.REPEATED:
            source, external_id = entry.key
            data = {"schema_version": 1, "source": source, "external_id": external_id, "order": receipt.number}
            repeats.append(Announcement(new_id(), "orderflow.submission.repeated", receipt.number, now, data))
    return repeats


_EXISTING = """
select h.source, h.external_id, h.number, h.content_hash
from unnest(%s::text[], %s::text[]) as k(source, external_id)
join core.order_headers h on h.source = k.source and h.external_id = k.external_id
"""
_CUSTOMERS = """
select c.customer, coalesce(c.class, ''), h.customer is null
from unnest(%s::text[]) as k(customer) join sales_review.customer_list c on c.customer = k.customer
left join after_sales.customer_history h on h.customer = k.customer
"""
_PRODUCTS = """
select p.product from unnest(%s::text[]) as k(product) join sales_review.product_list p on p.product = k.product
"""
_HEADERS = """
insert into core.order_headers (created_at, order_id, number, source, external_id, content_hash, creator, customer,
    customer_name, customer_order_number, sale_type, channel, currency, total_minor, total_base_minor, requested_date)
select %s, v.* from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::date[]) as v
on conflict do nothing returning order_id
"""
_TAKEN = """
select h.customer, h.customer_order_number, h.number
from unnest(%s::text[], %s::text[]) as k(customer, number)
join core.order_headers h on h.customer = k.customer and h.customer_order_number = k.number
"""
_DOCUMENTS = """
insert into core.order_documents (order_id, revision, document)
select v.id, 1, v.document
from rows from (unnest(%s::uuid[]), json_array_elements(%s::json)) as v(id, document)
"""
