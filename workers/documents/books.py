"""Reading what is printed: a constant number of round trips, whatever it is and however many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from messages.folders import Document, DocumentKind, read_document
from messages.orders import read_order
from shared import company
from shared.calendar import BUSINESS_ZONE
from shared.database import Row, Session, array
from shared.words import Language
from workers.documents.contents import OfOrder
from workers.documents.kinds import KINDS, Kind
from workers.documents.paper import Names, Paper, Sheet
from workers.documents.sales import confirmation

CHUNK = 1_000
"""So many documents at once: whoever prints more asks again, so that no transaction is open while they are laid out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents: those with these numbers, their own or their orders'; or else those of a period, both days
    included and None without a bound.
    """

    numbers: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


def numbers_of(session: Session, kind: str, wanted: Selection) -> list[str]:
    """The numbers of the documents of this kind that are wanted."""
    sql, values = _find(KINDS[kind], wanted)
    return [row[0] for row in session.rows(sql, *values)]


def papers(session: Session, kind: str, wanted: Selection, languages: Sequence[Language]) -> list[Paper]:
    """Every document of the kind that is wanted, by number. Three round trips."""
    known = KINDS[kind]
    head, found = session.together((company.READ, ()), _find(known, wanted))
    documents, lines = _belonging(session, known, found)
    sheet = Sheet(company.company_of(head), tuple(languages), _names(session, documents, lines))
    return [
        known.build(
            known.make(row, documents.get(row[1]), lines.get(row[1 if known.by_order else 0], ())),
            sheet,
        )
        for row in found
    ]


def confirmed(session: Session, order_id: str, revision: int, dated: datetime, language: Language) -> Paper | None:
    """The confirmation of an order as it was written to the customer; None where there is no such document."""
    head, found = session.together((company.READ, ()), (_REVISION, (order_id, revision)))
    if not found:
        return None
    order = read_order(found[0][0])
    names = _names(session, {order_id: order}, {})
    return confirmation(OfOrder(order, dated), Sheet(company.company_of(head), (language,), names))


def _find(kind: Kind, wanted: Selection) -> tuple[str, tuple[object, ...]]:
    """The condition is one of two constants; what is looked for is never part of it."""
    if wanted.numbers:
        numbers = array(wanted.numbers)
        where = _BY_NUMBER.format(number=kind.number, order=kind.order)
        return f"{kind.find.format(where)} order by 1", (numbers, numbers)
    where = _BY_DAY.format(at=kind.at)
    until = wanted.until and wanted.until + timedelta(days=1)
    return f"{kind.find.format(where)} order by 1", (_beginning(wanted.since), _beginning(until))


def _beginning(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), BUSINESS_ZONE) if day else None


def _belonging(session: Session, kind: Kind, rows: Sequence[Row]) -> tuple[dict[str, Document], dict[str, list[Row]]]:
    """The orders (or contracts) that the documents belong to, and their lines. One round trip."""
    ids = array(sorted({row[1] for row in rows if row[1]}))
    reads: list[tuple[str, tuple[Any, ...]]] = [(_DOCUMENTS, (ids,))]
    if kind.lines:
        reads.append((kind.lines, (ids if kind.by_order else array([row[0] for row in rows]),)))
    found, *lines = session.together(*reads)
    by_document: dict[str, list[Row]] = {}
    for line in lines[0] if lines else ():
        by_document.setdefault(line[0], []).append(line)
    return {id_: read_document(DocumentKind(kind_), text) for id_, kind_, text in found}, by_document


def _names(session: Session, documents: dict[str, Document], lines: dict[str, list[Row]]) -> Names:
    codes = {line.product for document in documents.values() for line in document.lines}
    codes |= {line[1] for of_one in lines.values() for line in of_one if line[1]}
    return {code: {"zh": zh, "en": en} for code, zh, en in session.rows(_PRODUCTS, array(sorted(codes)))}


_BY_NUMBER = """
({number} = any(%s::text[])
    or {order} = any(array(select h.order_id from core.order_headers h where h.number = any(%s::text[]))))
"""
_BY_DAY = "{at} >= coalesce(%s::timestamptz, '-infinity') and {at} < coalesce(%s::timestamptz, 'infinity')"
_DOCUMENTS = """
select o.id, h.document_kind, d.document
from core.orders o join core.order_headers h on h.order_id = o.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where o.id = any(%s::uuid[])
"""
_REVISION = "select document from core.order_documents where order_id = %s and revision = %s"
_PRODUCTS = """
select p.product, p.name_zh, p.name_en
from unnest(%s::text[]) as w(product) join sales_review.product_list p on p.product = w.product
"""
