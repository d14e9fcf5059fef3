"""Stock-taking (库存盘点, WHS-06): whole sheets at once, whose differences adjust the stock once another person than
the counter has approved them.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from messages.facts.warehouse import StockCountDecided, StockCounted
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact
from workers.warehouse import shortages
from workers.warehouse.counting_rules import Level, Place, Sheet, refuse_decision, refuse_sheet
from workers.warehouse.people import not_allowed, read_roles
from workers.warehouse.stock import Movement, change_stock, lock_stock, make_room, record

COUNTERS = ("warehouse_keeper", "supply_chain")
APPROVERS = ("warehouse_keeper", "supply_chain", "finance_manager")


def book_counts(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Take sheets, each whole or not at all. What moved between counting and booking is no difference: the books are
    those of the moment of counting. A sheet that finds nothing is closed at once.
    """
    counts = [(fact, fact.body) for fact in facts if isinstance(fact.body, StockCounted)]
    roles = read_roles(session, {body.by for _, body in counts})
    places = {(each.product, each.location) for _, body in counts for each in body.places}
    make_room(session, places)
    rows = lock_stock(session, {product for product, _ in places})
    products = {row[0] for row in rows}
    on_hand = {(row[0], row[1]): row[2] for row in rows}
    taken = {row[0] for row in session.rows(_KNOWN, array(sorted({body.sheet for _, body in counts})))}
    refused: dict[str, Finding] = {}
    also: dict[str, Sequence[Finding]] = {}
    accepted: list[tuple[ReportedFact, StockCounted]] = []
    for fact, body in counts:
        barred = not_allowed(body.by, roles, *COUNTERS)
        named = [(each.product, each.location) for each in body.places]
        reasons = [barred] if barred else refuse_sheet(body.sheet, taken, named, products)
        if reasons:
            refused[fact.id], *also[fact.id] = reasons
        else:
            taken.add(body.sheet)
            accepted.append((fact, body))
    if accepted:
        _keep(session, accepted, on_hand)
    return Booked((), refused, also)


def _keep(session: Session, sheets: Sequence[tuple[ReportedFact, StockCounted]], on_hand: dict[Place, int]) -> None:
    given = [(body.sheet, each.product, each.location, body.occurred_at) for _, body in sheets for each in body.places]
    since = {row[:3]: row[3] for row in session.rows(_MOVED_SINCE, *columns(given, 4))}
    lines, differing = [], set()
    for _, body in sheets:
        for each in body.places:
            place = each.product, each.location
            book = on_hand[place] - since.get((body.sheet, *place), 0)
            lines.append((body.sheet, *place, each.counted, book))
            if each.counted != book:
                differing.add(body.sheet)
    heads = [
        (body.sheet, body.by, body.occurred_at, body.remarks, None if body.sheet in differing else fact.now)
        for fact, body in sheets
    ]
    session.write(_COUNT, *columns(heads, 5))
    session.write(_LINES, *columns(lines, 5))


def book_decisions(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Approve differences or reject them; the first decision counts. An approved one moves the stock, as kind `counted`
    with the sheet's number. Wakes whoever waits for products that there are more of.
    """
    decisions = [(fact, fact.body) for fact in facts if isinstance(fact.body, StockCountDecided)]
    roles = read_roles(session, {body.by for _, body in decisions})
    sheets = _lock_sheets(session, {body.sheet for _, body in decisions})
    rows = shortages.lock(session, {product for sheet in sheets.values() for product, _ in sheet.differences})
    levels = {(row[0], row[1]): Level(*row[2:5]) for row in rows}
    refused: dict[str, Finding] = {}
    also: dict[str, Sequence[Finding]] = {}
    decided: list[tuple[Any, ...]] = []
    movements: list[Movement] = []
    for fact, body in decisions:
        sheet = sheets.get(body.sheet)
        barred = not_allowed(body.by, roles, *APPROVERS)
        reasons = [barred] if barred else refuse_decision(sheet, body.sheet, body.by, body.approve, levels)
        if reasons:
            refused[fact.id], *also[fact.id] = reasons
            continue
        assert sheet is not None, "an unknown one is refused"
        sheets[body.sheet] = Sheet(sheet.number, sheet.counted_by, True, sheet.differences)
        decided.append((body.sheet, fact.now, body.by, body.approve, body.reason))
        if body.approve:
            movements += _adjust(fact.now, sheet, levels)
    session.write(_DECIDE, *columns(decided, 5))
    _move(session, movements)
    more = {each.product for each in movements if each.quantity > 0}
    return Booked(shortages.give_out(session, more, {row[0] for row in rows}), refused, also)


def _adjust(now: datetime, sheet: Sheet, levels: dict[Place, Level]) -> list[Movement]:
    """The movements of an approved sheet; the next one sees what they leave."""
    for place, difference in sheet.differences.items():
        level = levels[place]
        levels[place] = Level(level.on_hand + difference, level.reserved, level.blocked)
    return [
        Movement(now, "counted", *place, difference, document=sheet.number)
        for place, difference in sorted(sheet.differences.items())
    ]


def _move(session: Session, movements: Iterable[Movement]) -> None:
    changes: dict[Place, int] = {}
    for each in movements:
        place = each.product, each.location
        changes[place] = changes.get(place, 0) + each.quantity
    change_stock(session, on_hand=changes)
    record(session, [*movements])


def _lock_sheets(session: Session, numbers: Collection[str]) -> dict[str, Sheet]:
    wanted = array(sorted({*numbers}))
    heads = session.rows(_LOCK, wanted)
    differences: dict[str, dict[Place, int]] = {}
    for number, product, location, difference in session.rows(_DIFFERENCES, wanted):
        differences.setdefault(number, {})[product, location] = difference
    return {number: Sheet(number, by, closed, differences.get(number, {})) for number, by, closed in heads}


_KNOWN = "select c.number from unnest(%s::text[]) as w(number) join warehouse.stock_counts c on c.number = w.number"
_MOVED_SINCE = """
select w.number, w.product, w.location, sum(m.quantity)::bigint
from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) as w(number, product, location, at)
join warehouse.stock_movements m on m.product = w.product and m.location = w.location and m.at > w.at
group by w.number, w.product, w.location
"""
_COUNT = """
insert into warehouse.stock_counts (number, counted_by, counted_at, remarks, closed_at)
select * from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[])
"""
_LINES = """
insert into warehouse.stock_count_lines (number, product, location, counted, book)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
"""
_LOCK = """
select c.number, c.counted_by, c.closed_at is not null
from unnest(%s::text[]) as w(number) join warehouse.stock_counts c on c.number = w.number
order by c.number for update of c
"""
_DIFFERENCES = """
select l.number, l.product, l.location, l.counted - l.book
from unnest(%s::text[]) as w(number) join warehouse.stock_count_lines l on l.number = w.number
where l.counted <> l.book
"""
_DECIDE = """
update warehouse.stock_counts c set closed_at = v.at, decided_by = v.person, approved = v.approved, reason = v.reason
from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::boolean[], %s::text[])
    as v(number, at, person, approved, reason)
where c.number = v.number and c.closed_at is null
"""
