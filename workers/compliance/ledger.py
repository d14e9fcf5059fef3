"""合同台账: looking contracts up by number, party, date, amount and state, and what they still oblige to. Read only."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.database import Row, Session
from shared.money import format_amount

_LOCALE = "en"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; what is None does not matter. `party`: a code, or a part of a name. Amounts are minor units of
    `currency`.
    """

    number: str | None = None
    party: str | None = None
    order: str | None = None
    since: date | None = None
    until: date | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    currency: str | None = None
    state: str | None = None


def find(session: Session, search: Search, limit: int) -> list[dict[str, Any]]:
    """Contracts, the newest first (CMP-10)."""
    wanted = [
        ("h.number = %s", search.number),
        ("h.order_number = %s", search.order),
        ("h.dated >= %s", search.since),
        ("h.dated <= %s", search.until),
        ("h.total_minor >= %s", search.least_minor),
        ("h.total_minor <= %s", search.most_minor),
        ("h.currency = %s", search.currency),
        ("o.state = %s", search.state),
    ]
    given = [(condition, value) for condition, value in wanted if value is not None]
    conditions, params = [condition for condition, _ in given], [value for _, value in given]
    if search.party is not None:
        conditions.append(_PARTY)
        params += [search.party] * 4
    where = f"where {' and '.join(conditions)}" if conditions else ""
    rows = session.rows(f"{_CONTRACTS} {where} order by h.order_id desc limit %s", *params, limit)
    return [_contract(row) for row in rows]


def show(session: Session, number: str) -> dict[str, Any] | None:
    """One contract whole: every version, what was said of it, the other side, signature, obligations, history."""
    found = find(session, Search(number=number), 1)
    if not found:
        return None
    contract = found[0]
    versions, checks, signatures, obligations, events = session.together(
        (_VERSIONS, (contract["id"],)),
        (_CHECKS, (contract["id"],)),
        (_SIGNATURES, (contract["id"],)),
        (_OBLIGATIONS_OF, (contract["id"],)),
        (_EVENTS, (contract["id"],)),
    )
    documents = [{"revision": row[0], "document": json.loads(row[1])} for row in versions]
    return contract | {
        "document": documents[-1]["document"],
        "versions": documents,
        "counterparty_checks": _named(checks, "checked_by", "reputation", "strength", "checked_at"),
        "signatures": [
            each | {"attachments": json.loads(each["attachments"])}
            for each in _named(
                signatures,
                "round",
                "signing_head",
                "seal",
                "signed_on",
                "our_signature",
                "their_signature",
                "recorded_by",
                "attachments",
            )
        ],
        "obligations": _named(obligations, "number", "kind", "what", "due", "amount_minor", "met_on", "met_by"),
        "events": [
            each | {"data": json.loads(each["data"])}
            for each in _named(events, "seq", "at", "kind", "round", "step", "actor", "state", "data")
        ],
    }


def obligations(
    session: Session, *, today: date, ahead_days: int, everything: bool, limit: int
) -> list[dict[str, Any]]:
    """What signed contracts oblige to (CMP-11): not met and due by `ahead_days` from today, overdue ones first; with
    `everything` whatever the day, and those that were met too.
    """
    sql = _ALL_OBLIGATIONS if everything else _OPEN_OBLIGATIONS
    params = () if everything else (today + timedelta(ahead_days),)
    names = ("contract", "buyer_name", "number", "kind", "what", "due", "amount_minor", "currency", "met_on")
    found = _named(session.rows(sql, *params, limit), *names)
    for each in found:
        each["amount"] = _amount(each["amount_minor"], each["currency"])
        each["overdue"] = each["met_on"] is None and each["due"] < today
    return found


def _contract(row: Row) -> dict[str, Any]:
    names = (
        "id", "number", "dated", "seller", "seller_name", "buyer", "buyer_name", "total_minor", "currency", "order",
        "state", "round", "open", "created_at", "signed_on", "unmet",
    )  # fmt: skip
    contract = dict(zip(names, row, strict=True))
    return contract | {"total": _amount(contract["total_minor"], contract["currency"])}


def _named(rows: list[Row], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else format_amount(minor, currency, _LOCALE)


_PARTY = (
    "(h.buyer = %s or h.seller = %s or position(lower(%s) in lower(h.buyer_name)) > 0"
    " or position(lower(%s) in lower(h.seller_name)) > 0)"
)
_CONTRACTS = """
select h.order_id, h.number, h.dated, h.seller, h.seller_name, h.buyer, h.buyer_name, h.total_minor, h.currency,
    h.order_number, o.state, o.round, o.open, o.submitted_at,
    (select s.signed_on from compliance.signatures s where s.contract_id = h.order_id and s.round = o.round),
    (select count(*) from compliance.obligations b where b.contract_id = h.order_id and b.met_on is null)
from core.contract_headers h join core.orders o on o.id = h.order_id
"""
_VERSIONS = "select revision, document from core.order_documents where order_id = %s order by revision"
_CHECKS = """
select checked_by, reputation, strength, checked_at from compliance.counterparty_checks where contract_id = %s
order by checked_at
"""
_SIGNATURES = """
select round, signing_head, seal, signed_on, our_signature, their_signature, recorded_by, attachments
from compliance.signatures where contract_id = %s order by round
"""
_OBLIGATIONS_OF = """
select number, kind, what, due, amount_minor, met_on, met_by from compliance.obligations where contract_id = %s
order by number
"""
_EVENTS = "select seq, at, kind, round, step, actor, state, data from core.events where order_id = %s order by seq"
_OPEN_OBLIGATIONS = """
select h.number, h.buyer_name, b.number, b.kind, b.what, b.due, b.amount_minor, h.currency, b.met_on
from compliance.obligations b join core.contract_headers h on h.order_id = b.contract_id
where b.met_on is null and b.due <= %s order by b.due, h.number, b.number limit %s
"""
_ALL_OBLIGATIONS = """
select h.number, h.buyer_name, b.number, b.kind, b.what, b.due, b.amount_minor, h.currency, b.met_on
from compliance.obligations b join core.contract_headers h on h.order_id = b.contract_id
order by b.due, h.number, b.number limit %s
"""
