"""Many submissions in one transaction: accepted, repeated, conflicting or refused, each with its receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from messages.batch import Batch
from messages.events import FieldError
from messages.orders import Order, OrderSubmitted
from shared.calendar import BUSINESS_ZONE
from shared.catalogue import DefinitionError
from shared.database import Row, Session, array, columns, json_list
from shared.folders import fingerprint
from shared.history import Kind
from shared.ids import new_id
from shared.journal import Journal
from shared.numbering import take
from shared.outbox import Announcement, announce
from shared.processes import Definition
from shared.rulebook import Rulebook
from shared.standings import Standing
from shared.states import State
from workers.intake import records
from workers.intake.check import Amounts, Catalog, check, content_hash, document
from workers.intake.parse import Limits, Partial, Refused, Submission, parse_submission, refuse
from workers.intake.records import catalog_for
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
    entries = _parse(session, submissions, limits, rules, today, receipts, refusals)
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
        fresh = _claim_quotations(session, fresh, now, receipts, refusals)
        inserted = _insert_headers(session, fresh, now)
        created = {entry.place for entry in inserted}
        known |= {entry.key: (entry.number, entry.hash) for entry in inserted}
        lost = [entry for entry in fresh if entry.place not in created]
        if lost:
            known |= _existing(session, lost)
            _refuse_taken_numbers(session, [each for each in lost if each.key not in known], receipts, refusals)
            session.write(_UNCLAIM, array([entry.order_id for entry in lost]))
        batches = _create(session, inserted, catalog, rules, now)
        for entry in entries:
            if receipts[entry.place] is None:
                receipts[entry.place] = _receipt(entry, entry.place in created, known, seen, receipts, refusals)
        announcements += _repeats(entries, receipts, now)
    announcements += record(session, refusals, now)
    announce(session, announcements)
    return [receipt for receipt in receipts if receipt is not None], batches


def _parse(
    session: Session,
    submissions: Sequence[Submission],
    limits: Limits,
    rules: Rulebook,
    today: date,
    receipts: list[Receipt | None],
    refusals: list[Refusal],
) -> list[_Entry]:
    """The well-formed ones; the others are refused."""
    entries: list[_Entry] = []
    malformed: list[tuple[int, Refused]] = []
    for place, submission in enumerate(submissions):
        try:
            submitted = parse_submission(submission, limits)
            entries.append(_Entry(place, submission, submitted, content_hash(submitted)))
        except Refused as refused:
            malformed.append((place, refused))
    if malformed:
        for place, whole in _all_faults(session, malformed, rules, today):
            _refuse(place, submissions[place], whole, receipts, refusals)
    return entries


def _all_faults(
    session: Session, malformed: Sequence[tuple[int, Refused]], rules: Rulebook, today: date
) -> list[tuple[int, Refused]]:
    """The same with what is wrong with the good fields of each added, so that all is told at once (ENT-02)."""
    catalog = catalog_for(session, [refused.partial for _, refused in malformed if refused.partial])
    whole = []
    for place, refused in malformed:
        errors = list(refused.errors)
        if refused.partial:
            told = {error.field for error in errors}
            _, _, faults = _check(refused.partial, catalog, rules, today, today)
            errors += [each for each in faults if each.field not in told]
        whole.append((place, Refused(errors, refused.source, refused.external_id)))
    return whole


def examine_again(
    submitted: OrderSubmitted, order: Order, catalog: Catalog, rules: Rulebook, today: date
) -> tuple[Order | None, Definition | None, list[FieldError]]:
    """Check a changed document of an existing order as a new one; the new revision and its definition, or every fault.

    It keeps to the version of its process that was in force when it was created, for as long as that may be (PRC-06).
    """
    entry = _Entry(0, Submission(b"", ""), submitted, b"", order_id=order.id)
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
    if submitted.quotation != (order.quotation or None):
        errors.append(FieldError(field="quotation", code="changed", reason="it is what the order was made from"))
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
    entry.definition, entry.amounts, errors = _check(
        entry.submitted, catalog, rules, today, created, entry.order_id or None
    )
    return Refused(errors, *entry.key) if errors else None


def _check(
    submitted: OrderSubmitted | Partial,
    catalog: Catalog,
    rules: Rulebook,
    today: date,
    created: date,
    order_id: str | None = None,
) -> tuple[Definition | None, Amounts | None, list[FieldError]]:
    definition, unknown = None, []
    if submitted.sale_type:
        try:
            definition = rules.definition(submitted.sale_type, created, submitted.definition)
        except DefinitionError as error:
            unknown.append(FieldError(field="definition", code="unknown_definition", reason=str(error)))
    requires = definition.requires if definition else ()
    amounts, errors = check(submitted, catalog, rules.policy(today), today, requires, order_id)
    return definition, amounts, errors + unknown


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
    existing, *found = session.together((_EXISTING, tuple(keys)), *records.wanted([e.submitted for e in entries]))
    return _by_key(existing), records.catalog(found)


def _existing(session: Session, entries: Sequence[_Entry]) -> dict[tuple[str, str], tuple[str, bytes]]:
    return _by_key(session.rows(_EXISTING, *columns([entry.key for entry in entries], 2)))


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[str, bytes]]:
    return {(source, external_id): (number, hash_) for source, external_id, number, hash_ in rows}


def _claim_quotations(
    session: Session,
    entries: list[_Entry],
    now: datetime,
    receipts: list[Receipt | None],
    refusals: list[Refusal],
) -> list[_Entry]:
    """One order is made from a quotation: the key on it lets one in, whoever else comes at the same time (INT-03)."""
    claiming = [entry for entry in entries if entry.submitted.quotation]
    if not claiming:
        return entries
    for entry in claiming:
        entry.order_id = new_id()
    rows = [(entry.submitted.quotation, entry.order_id) for entry in claiming]
    got = {row[0] for row in session.rows(_CLAIM, now, *columns(rows, 2))}
    for entry in claiming:
        if entry.order_id not in got:
            number = entry.submitted.quotation
            fault = refuse("quotation", "already_used", f"an order was made from quotation {number} already")
            _refuse(entry.place, entry.submission, Refused(fault.errors, *entry.key), receipts, refusals)
    return [entry for entry in entries if not entry.submitted.quotation or entry.order_id in got]


def _insert_headers(session: Session, entries: list[_Entry], now: datetime) -> list[_Entry]:
    """Insert what no unique constraint forbids; returns the entries that became orders (ENT-05, ENT-10)."""
    if not entries:
        return []
    numbers = iter(take(session, "SO", now, sum([entry.submission.number is None for entry in entries])))
    for entry in entries:
        entry.order_id = entry.order_id or new_id()
        entry.number = entry.submission.number or next(numbers)
    rows = [_header(entry) for entry in entries]
    inserted = {row[0] for row in session.rows(_HEADERS, now, *columns(rows, 16))}
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
        submitted.planned_ship_date or submitted.reply_date,
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
        journal.begin_round(
            folder, Kind.RECEIVED, order.creator, {"origin": entry.submission.origin, "document": fingerprint(text)}
        )
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
_HEADERS = """
insert into core.order_headers (created_at, order_id, number, source, external_id, content_hash, creator, customer,
    customer_name, customer_order_number, sale_type, channel, currency, total_minor, total_base_minor, requested_date,
    delivery_date)
select %s, v.* from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::date[],
    %s::date[]) as v
on conflict do nothing returning order_id
"""
_CLAIM = """
insert into core.quotation_uses (at, quotation, order_id)
select %s, v.* from unnest(%s::text[], %s::uuid[]) as v(quotation, id) order by v.quotation, v.id
on conflict (quotation) do nothing returning order_id
"""
_UNCLAIM = "delete from core.quotation_uses where order_id = any(%s::uuid[])"
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
