"""Cases (AFT-03…07): opened, assigned, handled, closed, each step by compare and set with who and when.

Whoever changes a case of an order has locked the order first, as the runtime does for facts that name one; facts that
name a case lock the case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from messages.facts.after_sales import CaseAssigned, CaseClosed, CaseHandled, CaseOpened
from messages.orders import Order, read_order
from shared.audit import Invariant
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, finding
from shared.letters import Letter, write_letters
from shared.numbering import take
from shared.outbox import Announcement, announce
from shared.roles import CASE_WORKERS
from shared.words import LANGUAGES, word
from workers.after_sales.case_rules import (
    GOES_BACK,
    Case,
    Gone,
    Sold,
    refuse_closing,
    refuse_opening,
    refuse_person,
    refuse_work,
)

DOCUMENTS = "CS"
"""What cases are numbered by."""
SOLVED = "case_closed"
"""The letter that tells the customer what came of it."""

Refusals = dict[str, list[Finding]]
Work = CaseAssigned | CaseHandled | CaseClosed


@dataclass(frozen=True, slots=True)
class OpenCases:
    """The kinds of open cases by number, by order."""

    by_order: Mapping[str, Mapping[str, str]]

    def absorb(self, effect: object) -> None:
        """A step opens no case."""


@dataclass(slots=True)
class _Opened:
    fact: ReportedFact
    said: CaseOpened
    order: Order


def read_open(session: Session, visits: Sequence[Visit]) -> OpenCases:
    """The open cases of a batch's orders. One round trip."""
    found: dict[str, dict[str, str]] = {}
    for order, number, kind in session.rows(_STILL_OPEN, array([visit.order.id for visit in visits])):
        found.setdefault(order, {})[number] = kind
    return OpenCases(found)


def book_opened(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """New cases, each with a number of its own. Refused with every reason (AFT-04)."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, CaseOpened)]
    sold = _sold(session, [fact.order_id for fact, _ in reports if fact.order_id])
    roles = _roles(session, [said.by for _, said in reports if said.by])
    refused: Refusals = {}
    taken: list[_Opened] = []
    for fact, said in reports:
        known = sold.get(fact.order_id or "")
        if known is None:
            refused[fact.id] = [finding("case.order_unknown", said.order)]
            continue
        stranger = refuse_person(said.by, roles.get(said.by), CASE_WORKERS) if said.by else None
        reasons = [stranger] if stranger else refuse_opening(said, known)
        if reasons:
            refused[fact.id] = reasons
            continue
        taken.append(_Opened(fact, said, known.order))
        if said.case_kind in GOES_BACK:
            sold[known.order.id] = _less(known, {each.line: each.quantity for each in said.lines})
    if taken:
        _open(session, taken)
    return _booked(refused, ())


def _open(session: Session, taken: Sequence[_Opened]) -> None:
    now = taken[0].fact.now
    numbers = take(session, DOCUMENTS, now, len(taken))
    named = list(zip(numbers, taken, strict=True))
    session.write(_OPEN, now, *columns([_case_row(*each) for each in named], 10))
    lines = [
        (
            number,
            one.order.id,
            each.line,
            each.quantity,
            _product(one.order, each.line),
            one.said.case_kind in GOES_BACK,
        )
        for number, one in named
        for each in one.said.lines
    ]
    session.write(_LINES, *columns([line[:5] for line in lines], 5))
    back: dict[tuple[str, int], int] = {}
    for _, order_id, line, quantity, _, goes_back in lines:
        if goes_back:
            back[order_id, line] = back.get((order_id, line), 0) + quantity
    session.write(_RETURN, *columns([(*key, quantity) for key, quantity in sorted(back.items())], 3))
    _note(session, [(number, one.said.by, "opened", one.said.reason, one.fact.now) for number, one in named])
    announce(session, [_announced(number, one) for number, one in named])


def _case_row(number: str, one: _Opened) -> tuple[object, ...]:
    said, order = one.said, one.order
    return (
        number, order.id, order.number, order.customer.code, said.case_kind, said.exception, said.product, said.reason,
        said.by, said.source,
    )  # fmt: skip


def _announced(number: str, one: _Opened) -> Announcement:
    data = {
        "schema_version": 1,
        "case": number,
        "order": one.order.number,
        "customer": one.order.customer.code,
        "kind": one.said.case_kind,
        "source": one.said.source,
        "fact_id": one.said.fact_id,
    }
    return Announcement(f"{number}/opened", "orderflow.case.opened", one.order.number, one.fact.now, data)


def _product(order: Order, line: int) -> str:
    return next(each.product for each in order.lines if each.number == line)


def _less(sold: Sold, returned: Mapping[int, int]) -> Sold:
    gone = {line: Gone(each.delivered, each.returned + returned.get(line, 0)) for line, each in sold.gone.items()}
    return Sold(sold.order, sold.round, sold.shipped, gone)


# -- work on a case ----------------------------------------------------------------------------------------------------


def book_work(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Cases handed over, handled and closed, in the order reported; a closed case stays as it is."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, Work)]
    cases = _lock(session, {said.case for _, said in reports})
    people = {said.by for _, said in reports} | {said.to for _, said in reports if isinstance(said, CaseAssigned)}
    roles = _roles(session, people)
    refused: Refusals = {}
    assigned: dict[str, str] = {}
    closed: dict[str, tuple[ReportedFact, CaseClosed]] = {}
    notes = []
    for fact, said in reports:
        case = cases.get(said.case)
        reasons = _refuse(said, case if said.case not in closed else _closed(case), roles)
        if reasons:
            refused[fact.id] = reasons
            continue
        if isinstance(said, CaseAssigned):
            assigned[said.case] = said.to
            notes.append((said.case, said.by, "assigned", said.to, fact.now))
        elif isinstance(said, CaseHandled):
            notes.append((said.case, said.by, "handled", said.note, fact.now))
        else:
            closed[said.case] = fact, said
            notes.append((said.case, said.by, "closed", said.result, fact.now))
    if assigned:
        session.write(_ASSIGN, *columns(sorted(assigned.items()), 2))
    _note(session, notes)
    return _booked(refused, _close(session, closed, cases))


def _refuse(said: Work, case: Case | None, roles: Mapping[str, Sequence[str]]) -> list[Finding]:
    people = [said.by, said.to] if isinstance(said, CaseAssigned) else [said.by]
    strangers = [refuse_person(each, roles.get(each), CASE_WORKERS) for each in people]
    first = refuse_work(case, said.case) or next((each for each in strangers if each), None)
    if first or case is None:
        return [first] if first else []
    return refuse_closing(said, case) if isinstance(said, CaseClosed) else []


def _closed(case: Case | None) -> Case | None:
    return case and Case(case.number, case.order_id, case.kind, False, 0)


def _close(
    session: Session, closed: Mapping[str, tuple[ReportedFact, CaseClosed]], cases: Mapping[str, Case]
) -> set[str]:
    """Close them, give back what a rejected return had claimed, and write to the customers; the keys to wake."""
    if not closed:
        return set()
    rows = [
        (number, said.outcome, said.result, said.feedback, said.by, fact.now)
        for number, (fact, said) in sorted(closed.items())
    ]
    session.write(_CLOSE, *columns(rows, 6))
    session.write(_TAKE_BACK, array([row[0] for row in rows if row[1] == "rejected"]))
    sold = _sold(session, [cases[number].order_id for number in closed])
    letters = [_letter(fact, said, cases[number], sold) for number, (fact, said) in sorted(closed.items())]
    write_letters(session, letters)
    announce(session, [_told(number, fact, said, cases, sold) for number, (fact, said) in sorted(closed.items())])
    return {f"case:{cases[number].order_id}" for number in closed}


def _letter(fact: ReportedFact, said: CaseClosed, case: Case, sold: Mapping[str, Sold]) -> Letter:
    about = {language: word("case_kinds", case.kind, language) for language in LANGUAGES}
    of = sold[case.order_id]
    return Letter(
        SOLVED, of.order, of.round, fact.now, {"case": said.case, "about": about, "result": said.result}, said.case
    )


def _told(
    number: str, fact: ReportedFact, said: CaseClosed, cases: Mapping[str, Case], sold: Mapping[str, Sold]
) -> Announcement:
    order = sold[cases[number].order_id].order
    data = {
        "schema_version": 1,
        "case": number,
        "order": order.number,
        "customer": order.customer.code,
        "kind": cases[number].kind,
        "outcome": said.outcome,
        "result": said.result,
    }
    return Announcement(f"{number}/closed", "orderflow.case.closed", order.number, fact.now, data)


# -- what both rest on -------------------------------------------------------------------------------------------------


def _booked(refused: Refusals, wake: Sequence[str] | set[str]) -> Booked:
    first = {fact: reasons[0] for fact, reasons in refused.items()}
    return Booked(wake, first, {fact: reasons[1:] for fact, reasons in refused.items() if reasons[1:]})


def _sold(session: Session, orders: Sequence[str]) -> dict[str, Sold]:
    ids = array(sorted(set(orders)))
    if not orders:
        return {}
    found, gone = session.together((_ORDERS, (ids,)), (_GONE, (ids,)))
    lines: dict[str, dict[int, Gone]] = {}
    for order_id, line, delivered, returned in gone:
        lines.setdefault(order_id, {})[line] = Gone(int(delivered), int(returned))
    return {
        order_id: Sold(read_order(document), round_, shipped, lines.get(order_id, {}))
        for order_id, round_, document, shipped in found
    }


def _lock(session: Session, numbers: set[str]) -> dict[str, Case]:
    rows = session.rows(_LOCK, array(sorted(numbers)))
    return {row[0]: Case(*row) for row in rows}


def _roles(session: Session, people: Sequence[str] | set[str]) -> dict[str, list[str]]:
    return dict(session.rows(_STAFF, array(sorted(set(people))))) if people else {}


def _note(session: Session, notes: Sequence[tuple[object, ...]]) -> None:
    if notes:
        session.write(_NOTE, *columns(notes, 5))


_STAFF = "select id, roles from core.staff where id = any(%s::text[]) and active"
_ORDERS = """
select o.id, o.round, d.document,
    exists (select from logistics.shipment_status s where s.order_id = o.id and s.shipped_at is not null)
from unnest(%s::uuid[]) as w(id)
join core.orders o on o.id = w.id
join core.order_headers h on h.order_id = o.id and h.document_kind = 'order'
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
"""
# What the customer confirmed has come, whether the carrier reported it or not.
_GONE = """
select d.order_id, d.line, d.quantity, coalesce(b.returned, 0)
from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select d.order_id, d.line, sum(d.quantity) as quantity from logistics.deliveries d
    where d.order_id = w.id and not d.recalled
        and (d.delivered_at is not null or exists (select from after_sales.receipts r where r.order_id = w.id))
    group by d.order_id, d.line
) d
left join after_sales.returned_lines b on b.order_id = d.order_id and b.line = d.line
"""
# Whoever waited for the order's lock while it was archived opened the case afterwards, whatever the clock said.
_OPEN = """
insert into after_sales.cases (opened_at, number, order_id, order_number, customer, kind, exception, product, reason,
    opened_by, source)
select greatest(%s, (select a.archived_at from after_sales.archive a where a.order_id = v.order_id)), v.*
from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[])
    as v(number, order_id, order_number, customer, kind, exception, product, reason, opened_by, source)
"""
_LINES = """
insert into after_sales.case_lines (number, order_id, line, quantity, product)
select * from unnest(%s::text[], %s::uuid[], %s::int[], %s::bigint[], %s::text[])
"""
# The database refuses more than was delivered, whoever counted wrongly (AFT-04).
_RETURN = """
insert into after_sales.returned_lines as b (order_id, line, delivered, returned)
select v.order_id, v.line, coalesce(sum(d.quantity), 0), v.quantity
from unnest(%s::uuid[], %s::int[], %s::bigint[]) as v(order_id, line, quantity)
left join logistics.deliveries d on d.order_id = v.order_id and d.line = v.line and not d.recalled
group by v.order_id, v.line, v.quantity
on conflict (order_id, line) do update
    set delivered = excluded.delivered, returned = b.returned + excluded.returned
"""
_LOCK = """
select c.number, c.order_id, c.kind, c.closed_at is null,
    coalesce((select sum(l.quantity) from after_sales.case_lines l where l.number = c.number), 0)::bigint
    - coalesce((select sum(g.quantity) from warehouse.returned_goods g where g.case_number = c.number), 0)::bigint
from after_sales.cases c where c.number = any(%s::text[]) order by c.number for update of c
"""
_ASSIGN = """
update after_sales.cases c set assignee = v.assignee from unnest(%s::text[], %s::text[]) as v(number, assignee)
where c.number = v.number
"""
_CLOSE = """
update after_sales.cases c
set outcome = v.outcome, result = v.result, feedback = v.feedback, closed_by = v.by, closed_at = v.at
from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
    as v(number, outcome, result, feedback, by, at)
where c.number = v.number and c.closed_at is null
"""
_TAKE_BACK = """
update after_sales.returned_lines b set returned = b.returned - l.quantity
from (
    select l.order_id, l.line, sum(l.quantity) as quantity from unnest(%s::text[]) as w(number)
    join after_sales.cases c on c.number = w.number and c.kind in ('return', 'exchange')
    join after_sales.case_lines l on l.number = c.number
    group by l.order_id, l.line
) l
where b.order_id = l.order_id and b.line = l.line
"""
_NOTE = """
insert into after_sales.case_entries (number, by, kind, words, at)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
"""
_STILL_OPEN = """
select w.id, c.number, c.kind from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select number, kind from after_sales.cases c where c.order_id = w.id and c.closed_at is null offset 0
) c
"""

CASES_HOLD: tuple[Invariant, ...] = (
    Invariant(
        "after_sales.returned_beyond_delivered",
        """
        select h.number, concat('line ', line, ': ', coalesce(c.quantity, 0), ' on cases, ', coalesce(r.returned, 0),
            ' counted, ', coalesce(d.quantity, 0), ' delivered')
        from after_sales.returned_lines r
        full join (
            select l.order_id, l.line, sum(l.quantity) as quantity
            from after_sales.cases c join after_sales.case_lines l on l.number = c.number
            where c.kind in ('return', 'exchange') and c.outcome is distinct from 'rejected'
            group by l.order_id, l.line
        ) c using (order_id, line)
        left join (
            select order_id, line, sum(quantity) as quantity from logistics.deliveries where not recalled
            group by order_id, line
        ) d using (order_id, line)
        join core.order_headers h using (order_id)
        where coalesce(c.quantity, 0) <> coalesce(r.returned, 0) or coalesce(r.returned, 0) > coalesce(d.quantity, 0)
        """,
    ),
    Invariant(
        "after_sales.closed_without_a_result",
        """
        select number, 'closed without a result' from after_sales.cases
        where closed_at is not null and (result = '' or kind = 'complaint' and feedback = '')
        """,
    ),
    Invariant(
        "after_sales.archived_with_an_open_case",
        """
        select c.number, concat('open while ', c.order_number, ' was archived')
        from after_sales.cases c join after_sales.archive a on a.order_id = c.order_id
        where c.opened_at < a.archived_at and coalesce(c.closed_at > a.archived_at, true)
        """,
    ),
)
