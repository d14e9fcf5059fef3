"""What the histories, the commits and the anchors say against each other. Streamed, a page of each at a time.

A changed event breaks its chain. A chain made anew, a missing end or a missing history contradicts its commits. Commits
and anchors made anew contradict the root that somebody outside has kept.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from shared.anchors import CONTENT, GENESIS, Anchor, root_over
from shared.database import Row, Session
from shared.history import Broken, Event, Kind, fold

INVARIANTS = (
    "history.verifies", "history.has_order", "history.is_there", "history.folds", "history.as_committed",
    "history.is_whole", "history.has_documents", "anchor.holds", "anchor.is_there", "anchor.is_kept",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that does not hold: which invariant, of which order or document, and how."""

    invariant: str
    subject: str
    detail: str


@dataclass(slots=True)
class Seen:
    """How much was looked at."""

    orders: int = 0
    events: int = 0
    commits: int = 0
    unanchored: int = 0
    anchors: int = 0


def examine(session: Session, seen: Seen, told: Callable[[int, int], None]) -> Iterator[Breach]:
    """Everything that does not hold. `told` hears now and then how many events of how many are done."""
    ((total,),) = session.rows("select coalesce(sum(version), 0) from core.orders")
    yield from _histories(session, seen, lambda: told(seen.events, int(total)))
    for number, revision, gone in session.rows(_DOCUMENTS):
        what = "is gone" if gone else "is not the one that its history tells of"
        yield Breach("history.has_documents", number, f"revision {revision} of the document {what}")
    yield from _commits(session, seen)
    yield from _anchors(session, seen)


# -- histories ---------------------------------------------------------------------------------------------------------


def _histories(session: Session, seen: Seen, told: Callable[[], None]) -> Iterator[Breach]:
    standings = _standings(session)
    row = next(standings, None)
    for order_id, history in groupby(_events(session, told), key=lambda event: event.order_id):
        lines = list(history)
        seen.orders += 1
        seen.events += len(lines)
        while row is not None and row[0] < order_id:
            yield Breach("history.is_there", row[1], "an order without events")
            row = next(standings, None)
        if row is None or row[0] > order_id:
            yield Breach("history.has_order", _number(session, order_id), f"{len(lines)} events of no order")
            continue
        yield from _compare(lines, row)
        row = next(standings, None)
    while row is not None:
        yield Breach("history.is_there", row[1], "an order without events")
        row = next(standings, None)


def _events(session: Session, told: Callable[[], None]) -> Iterator[Event]:
    last = (_NIL, 0)
    while rows := session.rows(_EVENTS, *last, _PAGE):
        for row in rows:
            order_id, seq, at, kind, round_, step, actor, state, text, hash_ = row
            known: Any = Kind(kind) if kind in _KINDS else kind  # there is no other: its hash shows that it was changed
            yield Event(order_id, seq, at, known, round_, step, actor, state, text, json.loads(text), hash_)
        last = (rows[-1][0], rows[-1][1])
        told()


def _standings(session: Session) -> Iterator[Row]:
    last = _NIL
    while rows := session.rows(_ORDERS, last, _PAGE):
        yield from rows
        last = rows[-1][0]


def _compare(events: Iterable[Event], row: Row) -> Iterator[Breach]:
    number = row[1]
    try:
        folded = fold(events)
    except (Broken, ValueError) as broken:
        yield Breach("history.verifies", number, str(broken))
        return
    expected = (folded.version, folded.state, folded.round, sorted(folded.open), sorted(folded.done), folded.head)
    found = (*row[2:5], sorted(row[5]), sorted(row[6]), row[7])
    if found != expected:
        yield Breach("history.folds", number, f"stands at {found[:5]}, its events say {expected[:5]}")


def _number(session: Session, order_id: str) -> str:
    """What the order is called, as far as that is still known."""
    found = session.row("select number from core.order_headers where order_id = %s", order_id)
    return found[0] if found else order_id


# -- commits -----------------------------------------------------------------------------------------------------------


def _commits(session: Session, seen: Seen) -> Iterator[Breach]:
    last = 0
    while (row := session.row(_COMMITS, last, _COMMITS_AT_ONCE)) and row[0]:
        until, count, unanchored = row
        seen.commits += count
        seen.unanchored += unanchored
        for number, seq, commit, gone in session.rows(_CONTRADICTED, last, until):
            what = "is gone" if gone else "is not the one that was committed"
            yield Breach("history.as_committed", number, f"event {seq} {what} (commit {commit})")
        last = until
    for number, committed, version in session.rows(_UNCOVERED):
        yield Breach("history.is_whole", number, _uncovered(committed, version))


def _uncovered(committed: int | None, version: int | None) -> str:
    if version is None:
        return f"the order is gone with its {committed} events"
    if committed is None or committed < version:
        return f"no commit knows events {(committed or 0) + 1} to {version}"
    return f"events {version + 1} to {committed} are gone"


# -- anchors -----------------------------------------------------------------------------------------------------------


def _anchors(session: Session, seen: Seen) -> Iterator[Breach]:
    chain = [Anchor(0, _EPOCH, b"", GENESIS, 0, 0, 0), *(Anchor(*row) for row in session.rows(_ANCHORS))]
    for before, anchor in pairwise(chain):
        seen.anchors += 1
        if anchor.seq != before.seq + 1 or anchor.previous != before.root:
            yield Breach("anchor.holds", f"anchor {anchor.seq}", f"does not follow anchor {before.seq}")
        commits = session.rows(_ANCHORED, anchor.first, anchor.last, anchor.seq)
        root = root_over(anchor.previous, anchor.seq, anchor.at, (content for _, content in commits))
        ids = [commit for commit, _ in commits]
        if (len(ids), ids[:1], ids[-1:]) != (anchor.count, [anchor.first], [anchor.last]):
            detail = (
                f"covers {anchor.count} commits from {anchor.first} to {anchor.last}, of which {len(ids)} are there"
            )
            yield Breach("anchor.holds", f"anchor {anchor.seq}", detail)
        elif root != anchor.root:
            detail = f"its root is not that of commits {anchor.first} to {anchor.last}: they, or it, were changed"
            yield Breach("anchor.holds", f"anchor {anchor.seq}", detail)
    for anchor_seq, count, first, last in session.rows(_ASTRAY):
        detail = f"{count} commits from {first} to {last} say that it covers them, and it does not"
        yield Breach("anchor.is_there", f"anchor {anchor_seq}", detail)


def kept(session: Session, root: bytes) -> Anchor | None:
    """The anchor whose root somebody has kept; None where the chain has no such root, or no longer."""
    found = session.row(_KEPT, root)
    return Anchor(*found) if found else None


_NIL = "00000000-0000-0000-0000-000000000000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = frozenset(kind.value for kind in Kind)
_PAGE = 20_000
_COMMITS_AT_ONCE = 1_000
_EVENTS = """
select order_id, seq, at, kind, round, step, actor, state, data, hash from core.events
where (order_id, seq) > (%s::uuid, %s) order by order_id, seq limit %s
"""
_ORDERS = """
select o.id, coalesce(h.number, o.id::text), o.version, o.state, o.round, o.open, o.done, o.head
from core.orders o left join core.order_headers h on h.order_id = o.id where o.id > %s::uuid order by o.id limit %s
"""
_DOCUMENTS = """
select coalesce(h.number, e.order_id::text), e.revision, d.order_id is null
from (
    select order_id, coalesce((data ->> 'revision')::int, 1) as revision, data ->> 'document' as document
    from core.events where kind in ('received', 'resubmitted', 'amended')
) e
left join core.order_documents d on d.order_id = e.order_id and d.revision = e.revision
left join core.order_headers h on h.order_id = e.order_id
where e.document is distinct from encode(sha256(convert_to(d.document::text, 'UTF8')), 'hex') and e.document is not null
order by e.order_id, e.revision
"""
_COMMITS = """
select max(id), count(*), count(*) filter (where anchor is null)
from (select id, anchor from core.commits where id > %s order by id limit %s) c
"""
# What is missing behind the end of a history is told once, by _UNCOVERED.
_CONTRADICTED = """
select coalesce(h.number, u.order_id::text), u.seq, c.id, e.order_id is null
from core.commits c cross join lateral unnest(c.orders, c.seqs, c.heads) as u(order_id, seq, head)
left join core.events e on e.order_id = u.order_id and e.seq = u.seq
left join core.orders o on o.id = u.order_id
left join core.order_headers h on h.order_id = u.order_id
where c.id > %s and c.id <= %s and e.hash is distinct from u.head and (e.order_id is not null or u.seq <= o.version)
order by c.id, u.order_id
"""
_UNCOVERED = """
select coalesce(h.number, o.id::text, t.order_id::text), t.seq, o.version
from (
    select u.order_id, max(u.seq) as seq
    from core.commits c cross join lateral unnest(c.orders, c.seqs) as u(order_id, seq) group by u.order_id
) t
full join core.orders o on o.id = t.order_id
left join core.order_headers h on h.order_id = coalesce(o.id, t.order_id)
where t.seq is distinct from o.version
"""
_ANCHOR = "select seq, at, previous, root, first, last, count from core.anchors"
_ANCHORS = f"{_ANCHOR} order by seq"
_KEPT = f"{_ANCHOR} where root = %s"
_ANCHORED = f"""
select c.id, {CONTENT} from core.commits c where c.id between %s and %s and c.anchor = %s order by c.id
"""  # noqa: S608 - a constant
_ASTRAY = """
select c.anchor, count(*), min(c.id), max(c.id) from core.commits c
where c.anchor is not null
    and not exists (select from core.anchors a where a.seq = c.anchor and c.id between a.first and a.last)
group by c.anchor order by c.anchor
"""
