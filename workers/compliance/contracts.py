"""What compliance reads and keeps of contracts: opinions, checks of the other side, signatures, obligations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from messages.contracts import SalesContract
from messages.facts.compliance import ContractSigned, CounterpartyChecked, ObligationMet
from messages.folders import DocumentKind, read_document
from messages.orders import read_order
from shared.calendar import BUSINESS_ZONE
from shared.database import Row, Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of, finding
from shared.outbox import to_json
from workers.compliance import contract_rules
from workers.compliance.contract_rules import Archived, Opinion, Signature, Signing, contract_key

_ORDER_APPROVED = frozenset(("approved", "reserved", "prepared", "shipped", "received", "settled", "archived", "ended"))


@dataclass(frozen=True, slots=True)
class File:
    """What a batch of contracts has on file, by contract: opinions on this version, the signature of this round."""

    opinions: Mapping[str, Sequence[Opinion]]
    signatures: Mapping[str, Signature]

    def absorb(self, effect: object) -> None:
        """Each contract is reviewed on its own file."""


def read_opinions(session: Session, visits: Sequence[Visit]) -> File:
    """What was said of these contracts in this round, in the order in which it was said (CMP-04, CMP-07)."""
    opinions: dict[str, list[Opinion]] = {}
    if visits:
        keys = columns([(visit.document.id, visit.round) for visit in visits], 2)
        for contract_id, step, kind, actor, said, clause, change in session.rows(_OPINIONS, *keys):
            words = (said or "", clause or "", change or "")
            opinions.setdefault(contract_id, []).append(Opinion(step, actor, kind == "agreed", *words))
    return File(opinions, {})


def read_signatures(session: Session, visits: Sequence[Visit]) -> File:
    """The signatures reported for these contracts in this round."""
    if not visits:
        return File({}, {})
    rows = session.rows(_SIGNATURES, *columns([(visit.document.id, visit.round) for visit in visits], 2))
    return File({}, {contract_id: Signature(*signature) for contract_id, *signature in rows})


@dataclass(frozen=True, slots=True)
class Signed:
    """The contracts that both sides have signed, each with its day, by the order that they are for."""

    by_order: Mapping[str, Sequence[tuple[SalesContract, date]]]

    def absorb(self, effect: object) -> None:
        """A contract is for one order."""


def read_signed(session: Session, visits: Sequence[Visit]) -> Signed:
    """The signed contracts of these orders, the newest last."""
    ids = array([visit.document.id for visit in visits])
    session.write(_LOCK_CONTRACTS, ids)  # so that no signature is booked between this look and the wait that follows it
    signed: dict[str, list[tuple[SalesContract, date]]] = {}
    for order_id, document, signed_on in session.rows(_SIGNED, ids):
        contract = read_document(DocumentKind.CONTRACT, document)
        assert isinstance(contract, SalesContract), "the link is of contracts"
        signed.setdefault(order_id, []).append((contract, signed_on))
    return Signed(signed)


def save_archived(session: Session, effects: Sequence[object]) -> None:
    """Follow the obligations from now on."""
    rows = [
        (one.contract_id, each.number, each.kind, each.what, each.due, each.amount_minor)
        for one in effects_of(Archived, effects)
        for each in one.obligations
    ]
    session.write(_FOLLOW, *columns(rows, 6))


# -- facts -------------------------------------------------------------------------------------------------------------


def book_checks(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """The other side was looked into (CMP-08); of several reports the last one counts, all are kept."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, CounterpartyChecked)]
    known = _signings(session, reports)
    refused: dict[str, Finding] = {}
    rows = []
    for fact, body in reports:
        if known.get(fact.order_id) is None:
            refused[fact.id] = finding("contract.unknown", body.contract)
        else:
            rows.append((fact.id, fact.order_id, body.by, body.reputation, body.strength, body.occurred_at))
    session.write(_CHECK, *columns(rows, 6))
    return Booked((), refused)


def book_signatures(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """签字盖章 (CMP-08, CMP-09): refused with every reason, or kept for this round; the signing step goes on."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, ContractSigned)]
    known = _signings(session, reports)
    refused: dict[str, Finding] = {}
    also: dict[str, Sequence[Finding]] = {}
    signed: dict[str, tuple[object, ...]] = {}
    wake: list[str] = []
    for fact, body in reports:
        found = known.get(fact.order_id)
        if found is None or fact.order_id is None:
            refused[fact.id] = finding("contract.unknown", body.contract)
            continue
        round_, signing = found
        if fact.order_id in signed:
            refused[fact.id] = finding("contract.signed_already", body.contract)
        elif reasons := contract_rules.refused(signing, body.signed_on, _day(fact)):
            refused[fact.id], also[fact.id] = reasons[0], reasons[1:]
        else:
            papers = to_json([each.model_dump() for each in body.attachments])
            signatures = (body.signing_head, body.seal, body.signed_on, body.our_signature, body.their_signature)
            signed[fact.order_id] = (fact.order_id, round_, *signatures, body.by, fact.now, papers)
            wake += [f"signed:{fact.order_id}", *([contract_key(signing.order.id)] if signing.order else [])]
    session.write(_SIGN, *columns(list(signed.values()), 10))
    return Booked(wake, refused, also)


def book_met(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Obligations that were met (CMP-11); a repeat changes nothing."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, ObligationMet)]
    keys = [(fact.order_id, body.obligation) for fact, body in reports if fact.order_id]
    known = {(row[0], row[1]): (row[2],) for row in session.rows(_OBLIGATIONS, *columns(keys, 2))}
    refused: dict[str, Finding] = {}
    rows = []
    for fact, body in reports:
        key = (fact.order_id, body.obligation)
        reason = contract_rules.met(known.get(key), body.contract, body.obligation, body.met_on, _day(fact))
        if reason:
            refused[fact.id] = reason
        else:
            known[key] = (body.met_on,)
            rows.append((*key, body.met_on, body.by, body.remarks))
    session.write(_MET, *columns(rows, 5))
    return Booked((), refused)


def _day(fact: ReportedFact) -> date:
    return fact.now.astimezone(BUSINESS_ZONE).date()


def _signings(
    session: Session, reports: Sequence[tuple[ReportedFact, object]]
) -> dict[str | None, tuple[int, Signing]]:
    """By contract: its round, and what its signing rests on. What is no contract is absent."""
    ids = sorted({fact.order_id for fact, _ in reports if fact.order_id})
    return dict(map(_signing, session.rows(_SIGNING, array(ids)))) if ids else {}


def _signing(row: Row) -> tuple[str, tuple[int, Signing]]:
    contract_id, round_, state, document, checked, signed, order_state, order_document = row
    contract = read_document(DocumentKind.CONTRACT, document)
    assert isinstance(contract, SalesContract), "the query asks for contracts"
    order = read_order(order_document) if order_document else None
    return contract_id, (round_, Signing(contract, state, checked, signed, order, order_state in _ORDER_APPROVED))


_OPINIONS = """
select e.order_id, e.step, e.kind, e.actor, e.data->>'reason', e.data->>'clause', e.data->>'requested_change'
from unnest(%s::uuid[], %s::smallint[]) as w(id, round)
join core.events e on e.order_id = w.id and e.round = w.round and e.kind in ('agreed', 'opinion')
where e.data->>'task' is not null
order by e.order_id, e.seq
"""
_LOCK_CONTRACTS = """
select 1 from core.orders where id in (
    select l.order_id from unnest(%s::uuid[]) as w(id)
    join core.links l on l.other_id = w.id and l.kind = 'contract_of'
) order by id for update
"""
_SIGNED = """
select l.other_id, d.document, s.signed_on from unnest(%s::uuid[]) as w(id)
join core.links l on l.other_id = w.id and l.kind = 'contract_of'
join core.orders o on o.id = l.order_id
join compliance.signatures s on s.contract_id = o.id and s.round = o.round
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
order by l.other_id, s.recorded_at, o.id
"""
_SIGNATURES = """
select s.contract_id, s.signing_head, s.seal, s.signed_on from unnest(%s::uuid[], %s::smallint[]) as w(id, round)
join compliance.signatures s on s.contract_id = w.id and s.round = w.round
"""
_SIGNING = """
select o.id, o.round, case when o.closing is null then o.state else 'returning' end, d.document,
    exists (select from compliance.counterparty_checks c where c.contract_id = o.id),
    exists (select from compliance.signatures s where s.contract_id = o.id and s.round = o.round),
    oo.state, od.document
from unnest(%s::uuid[]) as w(id)
join core.contract_headers h on h.order_id = w.id
join core.orders o on o.id = w.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
left join core.order_headers oh on oh.number = h.order_number
left join core.orders oo on oo.id = oh.order_id
left join core.order_documents od on od.order_id = oo.id and od.revision = oo.revision
"""
_CHECK = """
insert into compliance.counterparty_checks (fact_id, contract_id, checked_by, reputation, strength, checked_at)
select * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
"""
_SIGN = """
insert into compliance.signatures (contract_id, round, signing_head, seal, signed_on, our_signature, their_signature,
    recorded_by, recorded_at, attachments)
select * from unnest(%s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[],
    %s::text[], %s::timestamptz[], %s::json[])
"""
_FOLLOW = """
insert into compliance.obligations (contract_id, number, kind, what, due, amount_minor)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::date[], %s::bigint[])
"""
_OBLIGATIONS = """
select b.contract_id, b.number, b.met_on from unnest(%s::uuid[], %s::int[]) as w(id, number)
join compliance.obligations b on b.contract_id = w.id and b.number = w.number
order by b.contract_id, b.number for update of b
"""
_MET = """
update compliance.obligations b set met_on = w.met_on, met_by = w.by, remarks = w.remarks
from unnest(%s::uuid[], %s::int[], %s::date[], %s::text[], %s::text[]) as w(id, number, met_on, by, remarks)
where b.contract_id = w.id and b.number = w.number and b.met_on is null
"""
