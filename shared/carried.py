"""Agreements kept across an amendment (ENT-09), where the definition asks again only for what has `changed`.

After an amendment every step is visited again: its rules decide anew and its effects are obtained anew. What is spared
is asking a person the same question twice: the same order as far as the activity rests on it, the same policy, and the
same findings to the last figure. A resubmission after a return spares nothing (APR-09).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from shared.database import Session, columns
from shared.history import Kind
from shared.outbox import to_json
from shared.processes import CHANGED
from shared.standings import Standing


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who agreed to a step in which round, on what grounds, and to which findings."""

    by: str
    round: int
    grounds: str
    findings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kept:
    """The grounds of a step as they are now, and the agreement that was there before the amendment, if any."""

    grounds: str
    agreement: Agreement | None

    def covers(self, findings: Iterable[Mapping[str, Any]]) -> bool:
        """Whether that agreement answers what a person would be asked now."""
        before = self.agreement
        return before is not None and before.grounds == self.grounds and before.findings == _as_texts(findings)

    def as_data(self) -> dict[str, Any]:
        """As the history keeps it: whose decision of which round is carried over."""
        assert self.agreement, "only an agreement is carried over"
        return {"carried": {"by": self.agreement.by, "round": self.agreement.round}}


Agreements = Mapping[tuple[str, str], Agreement]
"""By order and step."""


def read(session: Session, folders: Iterable[Standing]) -> Agreements:
    """What had been agreed to when an amendment opened the present round. One query, and none for other definitions."""
    rounds = [(one.id, one.round) for one in folders if one.definition.asks_again == CHANGED and one.round > 1]
    if not rounds:
        return {}
    return {
        (order_id, step): _agreement(actor, round_, json.loads(data))
        for order_id, step, kind, actor, round_, data in session.rows(_FINISHED, *columns(rounds, 2))
        if kind in (Kind.AGREED, Kind.CARRIED)
    }


def at(folder: Standing, step: str, inputs: tuple[str, ...] | None, agreements: Agreements) -> Kept | None:
    """What is kept at this step; None where nothing ever is. `inputs`: what its activity rests on."""
    if inputs is None or folder.definition.asks_again != CHANGED:
        return None
    rested_on = [{name: value} for name in inputs if (value := getattr(folder.document, name)) is not msgspec.UNSET]
    grounds = sha256(to_json([folder.policy.key, *rested_on]).encode()).hexdigest()
    return Kept(grounds, agreements.get((folder.id, step)))


def _agreement(actor: str, round_: int, data: Mapping[str, Any]) -> Agreement:
    whose = data.get("carried", {"by": actor, "round": round_})
    return Agreement(whose["by"], whose["round"], data.get("grounds", ""), _as_texts(data.get("findings", ())))


def _as_texts(findings: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(json.dumps(each, sort_keys=True) for each in findings)


# The last time each step that was finished at the amendment had been finished before it.
_FINISHED = """
with amended as (
    select e.order_id, e.seq, e.data
    from unnest(%s::uuid[], %s::int[]) as k(id, round) join core.events e on e.order_id = k.id
    where e.kind = 'amended' and (e.data ->> 'begins')::int = k.round
)
select distinct on (e.order_id, e.step) e.order_id, e.step, e.kind, e.actor, e.round, e.data
from amended a join core.events e on e.order_id = a.order_id and e.seq < a.seq
where e.kind in ('passed', 'agreed', 'carried', 'opinion')
    and e.step in (select json_array_elements_text(a.data -> 'finished'))
order by e.order_id, e.step, e.seq desc
"""
