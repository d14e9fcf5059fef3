"""Commits and anchors: why nothing can be taken off the end of a history, nor a whole history away (AUD-02).

Every transaction that adds to histories leaves one commit: of each order its last event and that event's hash. An
anchor is a root over all commits that no anchor covers yet, and over the root before it. Roots are announced: who has
kept one can tell that everything before it is still what it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from shared.database import Session, array
from shared.history import microseconds
from shared.outbox import Announcement, announce

GENESIS = bytes(32)
"""The root before the first."""
_AT_ONCE = 100_000
"""Commits covered by one anchor at most; what is left waits for the next."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One link of the chain."""

    seq: int
    at: datetime
    previous: bytes
    root: bytes
    first: int
    last: int
    count: int


def root_over(previous: bytes, seq: int, at: datetime, contents: Iterable[bytes]) -> bytes:
    """The root of an anchor over the contents of its commits, in the order of their ids."""
    digest = sha256(previous + f" {seq} {microseconds(at)} ".encode())
    for content in contents:
        digest.update(content)
    return digest.digest()


def set_anchor(session: Session, now: datetime, after: timedelta) -> Anchor | None:
    """Anchor every commit that none covers, once the last anchor is older than `after`. None: there was nothing to do,
    or another one did it at the same time.

    What is covered is said on the commit itself. So one that becomes visible late, with a lower id than others that are
    anchored, is not passed over: the next anchor covers it.
    """
    seq, at, previous = session.row(_NEWEST) or (0, None, GENESIS)
    if at is not None and now - at < after:
        return None
    commits = session.rows(_OPEN, _AT_ONCE)
    if not commits:
        return None
    ids = [commit for commit, _ in commits]
    anchor = Anchor(
        seq=seq + 1,
        at=now,
        previous=previous,
        root=root_over(previous, seq + 1, now, (content for _, content in commits)),
        first=ids[0],
        last=ids[-1],
        count=len(ids),
    )
    if not session.rows(
        _SET, anchor.seq, now, previous, anchor.root, anchor.first, anchor.last, anchor.count
    ):  # another one was first; what it did not cover is covered next time
        return None
    session.write(_COVER, anchor.seq, array(ids))
    announce(session, [_announced(anchor)])
    return anchor


def _announced(anchor: Anchor) -> Announcement:
    data = {
        "schema_version": 1,
        "anchor": anchor.seq,
        "root": anchor.root.hex(),
        "previous": anchor.previous.hex(),
        "commits": anchor.count,
    }
    return Announcement(f"anchor/{anchor.seq}", "orderflow.anchor.set", None, anchor.at, data)


COMMIT = """
insert into core.commits (at, orders, seqs, heads)
select %s, array_agg(v.id), array_agg(v.version), array_agg(v.head) from v
"""
"""The end of a statement that moves orders: `v` has their ids, new versions, and the hashes of their last events."""
CONTENT = """sha256(int8send(c.id) || int8send((extract(epoch from c.at) * 1000000)::bigint)
    || array_send(c.orders) || array_send(c.seqs) || array_send(c.heads))"""
"""What a commit adds to a root: a hash of everything in it."""
_NEWEST = "select seq, at, root from core.anchors order by seq desc limit 1"
_OPEN = f"""
select c.id, {CONTENT} from core.commits c
where c.anchor is null order by c.id limit %s for update skip locked
"""  # noqa: S608 - a constant
# The primary key, and that no two anchors follow the same one, keep it one chain whoever else is at it.
_SET = """
insert into core.anchors (seq, at, previous, root, first, last, count) values (%s, %s, %s, %s, %s, %s, %s)
on conflict do nothing returning seq
"""
_COVER = "update core.commits set anchor = %s where id = any(%s::bigint[])"
