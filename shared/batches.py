"""Batches: what is sent from department to department, a row for each message until its receiver has done the work."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from messages.batch import MAX_BATCH_LINES, MAX_ORDERS, Batch, BatchKind, Department
from shared.database import Session, columns
from shared.ids import new_id


class Ref(Struct, frozen=True):
    """One order (at a round and step) or one fact in a batch. `task`: the decided user task that put it there."""

    id: str
    round: int
    step: str
    task: str | None = None
    lines: int = 1


def write_batches(session: Session, refs: dict[tuple[Department, BatchKind], list[Ref]], now: datetime) -> list[Batch]:
    """One row per batch of at most 256 orders or 2,000 lines; returns their messages."""
    rows: list[tuple[object, ...]] = []
    messages: list[Batch] = []
    for (department, kind), waiting in refs.items():
        for part in _parts(waiting):
            message = Batch(id=new_id(), department=department, kind=kind, size=len(part))
            messages.append(message)
            tasks = ",".join(ref.task or "" for ref in part) if any(ref.task for ref in part) else None
            rows.append(
                (
                    message.id,
                    department,
                    kind,
                    ",".join([ref.id for ref in part]),
                    ",".join([str(ref.round) for ref in part]),
                    ",".join([ref.step for ref in part]),
                    tasks,
                )
            )
    if rows:
        session.write(_BATCHES, now, *columns(rows, 7))
    return messages


def _parts(refs: list[Ref]) -> Iterable[list[Ref]]:
    part: list[Ref] = []
    lines = 0
    for ref in refs:
        if part and (len(part) == MAX_ORDERS or lines + ref.lines > MAX_BATCH_LINES):
            yield part
            part, lines = [], 0
        part.append(ref)
        lines += ref.lines
    if part:
        yield part


_BATCHES = """
insert into core.batches (created_at, id, department, kind, ids, rounds, steps, tasks)
select %s, v.id, v.department, v.kind, string_to_array(v.ids, ',')::uuid[], string_to_array(v.rounds, ',')::smallint[],
    string_to_array(v.steps, ','), string_to_array(v.tasks, ',', '')::uuid[]
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    as v(id, department, kind, ids, rounds, steps, tasks)
"""
