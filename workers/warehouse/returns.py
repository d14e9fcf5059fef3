"""Goods that customers send back (退货入库, AFT-05): into stock when they are good, else blocked; once per fact."""

from collections.abc import Sequence

from messages.facts.warehouse import GoodsReturned
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, finding
from workers.warehouse import shortages
from workers.warehouse.people import not_allowed, read_roles
from workers.warehouse.rules import totals
from workers.warehouse.stock import Movement, change_stock, make_room, record

KEEPERS = ("warehouse_keeper", "inspector")


def book_returns(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Raise the stock by what has come back, the damaged goods blocked, the good ones for who waits. Refused: what no
    open case expects, and more than it expects.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, GoodsReturned)]
    roles = read_roles(session, {body.by for _, body in reports})
    expected = _expected(session, {body.case for _, body in reports})
    refused: dict[str, Finding] = {}
    rows: list[tuple[object, ...]] = []
    movements: list[Movement] = []
    for fact, body in reports:
        reason = not_allowed(body.by, roles, *KEEPERS) or _refuse(body, expected)
        if reason:
            refused[fact.id] = reason
            continue
        for each, (line, quantity) in zip(body.lines, _by_line(body).items(), strict=True):
            product, missing = expected[body.case, line]
            expected[body.case, line] = (product, missing - quantity)
            blocked = quantity if each.condition == "damaged" else 0
            rows.append((fact.id, line, body.case, product, body.location, quantity, each.condition, body.by, fact.now))
            movements.append(Movement(fact.now, "taken_back", product, body.location, quantity, blocked, body.case))
    locked = _save(session, rows, movements)
    good = {each.product for each in movements if not each.blocked}
    return Booked(shortages.give_out(session, good, locked), refused)


def _refuse(body: GoodsReturned, expected: dict[tuple[str, int], tuple[str, int]]) -> Finding | None:
    lines = _by_line(body)
    if len(lines) < len(body.lines):
        return finding("return.line_twice", body.case)
    for line, quantity in lines.items():
        product, missing = expected.get((body.case, line), ("", 0))
        if quantity > missing:
            return finding(
                "return.not_expected", body.case, line=line, product=product, most=missing, quantity=quantity
            )
    return None


def _by_line(body: GoodsReturned) -> dict[int, int]:
    return {each.line: each.quantity for each in body.lines}


def _expected(session: Session, cases: set[str]) -> dict[tuple[str, int], tuple[str, int]]:
    """Product, and how many pieces of it are still to come back, by case and line; the cases' goods are locked."""
    numbers = array(sorted(cases))
    session.write(_LOCK, numbers)
    return {(case, line): (product, int(missing)) for case, line, product, missing in session.rows(_EXPECTED, numbers)}


def _save(session: Session, rows: Sequence[tuple[object, ...]], movements: Sequence[Movement]) -> set[str]:
    """Returns the products whose stock is locked."""
    if not rows:
        return set()
    make_room(session, [(each.product, each.location) for each in movements])
    locked = {row[0] for row in shortages.lock(session, {each.product for each in movements})}
    places = [((each.product, each.location), each) for each in movements]
    change_stock(
        session,
        on_hand=totals([(place, each.quantity) for place, each in places]),
        blocked=totals([(place, each.blocked) for place, each in places]),
    )
    record(session, movements)
    session.write(_SAVE, *columns(list(rows), 9))
    return locked


# Two reports of one case at once come one after the other; a case is no row of ours to lock.
_LOCK = "select pg_advisory_xact_lock(hashtextextended(n, 0)) from unnest(%s::text[]) as w(n)"
_EXPECTED = """
select r.case_number, r.line, r.product, r.quantity - coalesce(
    (select sum(b.quantity) from warehouse.customer_returns b
    where b.case_number = r.case_number and b.line = r.line), 0)
from unnest(%s::text[]) as w(number)
cross join lateral (select * from after_sales.open_returns o where o.case_number = w.number) r
"""
_SAVE = """
insert into warehouse.customer_returns
    (fact_id, line, case_number, product, location, quantity, condition, received_by, received_at)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[],
    %s::timestamptz[])
"""
