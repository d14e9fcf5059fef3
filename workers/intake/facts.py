"""Facts from outside, once each: into the queue of the department that books them, or, where they move an order as a
whole (`changes`), done here under the order's lock.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from messages.batch import Batch, BatchKind
from messages.commands import FACT_OWNERS, Fact
from messages.events import FieldError
from messages.facts.compliance import ContractReceived
from messages.facts.finance import PaymentReceived
from shared.attempts import Line, all_without_role, note_all
from shared.batches import Ref
from shared.database import Session, array, columns
from shared.ids import new_id
from shared.journal import Journal
from shared.outbox import announce
from shared.roles import REGISTRAR
from shared.rulebook import Rulebook
from shared.standings import Standing, lock_standings
from workers.intake import changes, contracts
from workers.intake.accept import Receipt, Verdict
from workers.intake.parse import Limits, Refused, Submission, explained, field_error, parse_fact
from workers.intake.refusals import Refusal, record


@dataclass(slots=True)
class _Entry:
    """A well-formed fact and the order that it names."""

    place: int
    submission: Submission
    fact: Fact
    id: str
    hash: bytes
    order_id: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.fact.source, self.fact.fact_id


def accept_facts(
    session: Session, submissions: Sequence[Submission], limits: Limits, rules: Rulebook, now: datetime
) -> tuple[list[Receipt], list[Batch]]:
    """Take all of them. `(source, fact_id)` counts once; a fact about an order that we do not know is refused, except a
    payment: money that came is booked even where nobody knows for what (SET-02).
    """
    outcome = _Outcome([None] * len(submissions))
    entries = _parse(submissions, limits, outcome)
    _name_orders(session, entries)
    entries = [entry for entry in entries if _names_an_order(entry, outcome)]
    entries, contracts_checked = _check_contracts(session, entries, rules, now, outcome)
    journal = Journal(now)
    fresh = _insert(session, entries, now)
    if len(fresh) < len(entries):
        new = {entry.id for entry in fresh}
        _sort_out_repeats(session, [entry for entry in entries if entry.id not in new], outcome)
    moving = [entry for entry in fresh if isinstance(entry.fact, changes.Change)]
    if moving:
        wanted = {entry.order_id for entry in moving if entry.order_id}
        folders = lock_standings(session, wanted, rules.definitions, rules.policies)
        _move(session, journal, moving, folders, rules, outcome)
    numbers = _register(session, journal, fresh, contracts_checked)
    for entry in fresh:
        if not isinstance(entry.fact, changes.Change | ContractReceived):
            journal.send(FACT_OWNERS[entry.fact.kind], Ref(entry.id, 0, entry.fact.kind), BatchKind.FACTS)
        number = numbers.get(entry.id) or _number(entry.fact)
        accepted = Receipt(Verdict.ACCEPTED, number, (), entry.key[1])
        outcome.receipts[entry.place] = outcome.receipts[entry.place] or accepted
    note_all(session, now, outcome.attempts)
    announce(session, record(session, outcome.refusals, now))
    return outcome.all(), journal.write(session)


@dataclass(slots=True)
class _Outcome:
    """The answers so far, by place, what is to be recorded as refused, and who tried what they may not."""

    receipts: list[Receipt | None]
    refusals: list[Refusal] = field(default_factory=list)
    attempts: list[Line] = field(default_factory=list)

    def refuse(self, place: int, submission: Submission, refused: Refused, kind: str = "fact") -> None:
        verdict = Verdict.REFUSED if kind == "fact" else Verdict.CONFLICT
        self.receipts[place] = Receipt(verdict, None, refused.errors, refused.external_id)
        self.refusals.append(Refusal(kind, submission, refused.source, refused.external_id, refused.errors))

    def refuse_attempt(self, entry: _Entry, errors: Sequence[FieldError], subject: str) -> None:
        """Of what somebody does with a document: it is told of in its history, too (AUD-01)."""
        self.refuse(entry.place, entry.submission, Refused(errors, *entry.key))
        actor = getattr(entry.fact, "by", entry.fact.source)
        told = [error.model_dump() for error in errors]
        data = {"refused": {error.field: error.code for error in errors}, "errors": told}
        self.attempts.append((actor, f"fact.{entry.fact.kind}", subject, data))

    def all(self) -> list[Receipt]:
        return [receipt for receipt in self.receipts if receipt is not None]


def _parse(submissions: Sequence[Submission], limits: Limits, outcome: _Outcome) -> list[_Entry]:
    entries = []
    for place, submission in enumerate(submissions):
        try:
            fact = parse_fact(submission.raw, limits)
        except Refused as refused:
            outcome.refuse(place, submission, refused)
            continue
        hash_ = hashlib.sha256(fact.model_dump_json().encode()).digest()
        entries.append(_Entry(place, submission, fact, new_id(), hash_))
    return entries


def _name_orders(session: Session, entries: Sequence[_Entry]) -> None:
    numbers = sorted({number for entry in entries if (number := _number(entry.fact))})
    if not numbers:
        return
    known: dict[str | None, str] = {row[0]: row[1] for row in session.rows(_ORDERS, array(numbers))}
    for entry in entries:
        entry.order_id = known.get(_number(entry.fact))


def _names_an_order(entry: _Entry, outcome: _Outcome) -> bool:
    number = _number(entry.fact)
    if number is None or entry.order_id or isinstance(entry.fact, PaymentReceived):
        return True
    kind = "order" if hasattr(entry.fact, "order") else "contract"
    unknown = field_error(kind, f"unknown_{kind}", f"there is no {kind} {number}")
    outcome.refuse(entry.place, entry.submission, Refused([unknown], *entry.key))
    return False


def _check_contracts(
    session: Session, entries: list[_Entry], rules: Rulebook, now: datetime, outcome: _Outcome
) -> tuple[list[_Entry], dict[str, contracts.Checked]]:
    """Contracts that came in, each with the id of its folder to be; without those that are refused."""
    received = [(entry, entry.fact) for entry in entries if isinstance(entry.fact, ContractReceived)]
    if not received:
        return entries, {}
    known = contracts.look_up(session, [fact.document for _, fact in received])
    strangers = all_without_role(session, {fact.by for _, fact in received}, REGISTRAR)
    checked: dict[str, contracts.Checked] = {}
    refused = set()
    for entry, fact in received:
        stranger = strangers.get(fact.by)
        if stranger:
            outcome.refuse_attempt(entry, [explained("by", stranger)], fact.fact_id)
            refused.add(entry.id)
            continue
        try:
            checked[entry.id] = contracts.check(fact.document, known, rules, contracts.today_of(now))
            entry.order_id = new_id()
        except Refused as refusal:
            outcome.refuse(entry.place, entry.submission, Refused(refusal.errors, *entry.key))
            refused.add(entry.id)
    return [entry for entry in entries if entry.id not in refused], checked


def _register(
    session: Session, journal: Journal, fresh: Sequence[_Entry], checked: dict[str, contracts.Checked]
) -> dict[str, str]:
    """Open the folders of new contracts; their numbers, by fact."""
    received = [
        (entry, entry.order_id, entry.fact)
        for entry in fresh
        if isinstance(entry.fact, ContractReceived) and entry.order_id
    ]
    if not received:
        return {}
    numbers = contracts.register(
        session, journal, [(contract_id, fact, checked[entry.id]) for entry, contract_id, fact in received]
    )
    entries = [entry for entry, _, _ in received]
    session.write("update core.facts set handled_at = %s where id = any(%s::uuid[])", journal.now, _ids(entries))
    return dict(zip([entry.id for entry in entries], numbers, strict=True))


def _insert(session: Session, entries: Sequence[_Entry], now: datetime) -> list[_Entry]:
    if not entries:
        return []
    rows = [
        (entry.id, *entry.key, entry.fact.kind, entry.hash, entry.order_id, entry.fact.model_dump_json())
        for entry in entries
    ]
    inserted = {row[0] for row in session.rows(_FACTS, now, *columns(rows, 7))}
    return [entry for entry in entries if entry.id in inserted]


def _sort_out_repeats(session: Session, entries: Sequence[_Entry], outcome: _Outcome) -> None:
    rows = session.rows(_EXISTING, *columns([entry.key for entry in entries], 2))
    first = {(source, fact_id): (hash_, number) for source, fact_id, hash_, number in rows}
    for entry in entries:
        hash_, number = first[entry.key]
        if hash_ == entry.hash:
            outcome.receipts[entry.place] = Receipt(Verdict.REPEATED, number or _number(entry.fact), (), entry.key[1])
        else:
            conflict = field_error("fact_id", "conflict", "already reported with other content")
            outcome.refuse(entry.place, entry.submission, Refused([conflict], *entry.key), "fact_conflict")


def _move(
    session: Session,
    journal: Journal,
    moving: Sequence[_Entry],
    folders: dict[str, Standing],
    rules: Rulebook,
    outcome: _Outcome,
) -> None:
    """Follow the facts that move an order as a whole, each on its own; what is refused is recorded as such (AUD-01)."""
    pairs = [(entry.fact, folders[entry.order_id or ""]) for entry in moving]
    grounds = changes.look_up(session, pairs, rules, journal.now)
    for entry, (fact, folder) in zip(moving, pairs, strict=True):
        try:
            changes.follow(session, journal, fact, folder, grounds, entry.id)
        except Refused as refusal:
            outcome.refuse_attempt(entry, refusal.errors, folder.document.number)
    session.write("update core.facts set handled_at = %s where id = any(%s::uuid[])", journal.now, _ids(moving))


def _ids(entries: Sequence[_Entry]) -> str:
    return array([entry.id for entry in entries])


def _number(fact: Fact) -> str | None:
    """The number of the folder that it is about."""
    return getattr(fact, "order", None) or getattr(fact, "contract", None)


_ORDERS = """
select h.number, h.order_id from unnest(%s::text[]) as k(number) join core.order_headers h on h.number = k.number
"""
_FACTS = """
insert into core.facts (received_at, id, source, fact_id, kind, content_hash, order_id, body)
select %s, v.*
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::uuid[], %s::json[])
    as v(id, source, fact_id, kind, hash, order_id, body)
order by v.source, v.fact_id, v.id
on conflict (source, fact_id) do nothing returning id
"""
_EXISTING = """
select f.source, f.fact_id, f.content_hash, h.number from unnest(%s::text[], %s::text[]) as k(source, fact_id)
join core.facts f on f.source = k.source and f.fact_id = k.fact_id
left join core.order_headers h on h.order_id = f.order_id
"""
