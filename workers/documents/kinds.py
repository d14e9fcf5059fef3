"""The kinds of documents: where each is read, what it is made of, and how it is laid out.

Everything is read through the views that the departments keep for it, by number of the document or of its order, or by
the day of the document. In `find` the first column is the document's number and the second the order's id; in `lines`
the first is what the lines belong to, and the second the product.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from messages.contracts import SalesContract
from messages.folders import Document
from messages.orders import Order
from shared.database import Row
from workers.documents import goods, money, sales
from workers.documents.contents import (
    Carrier,
    Contract,
    DeliveryNote,
    Goods,
    Inspected,
    InspectionReport,
    Invoice,
    Movement,
    OfOrder,
    Packed,
    PackingList,
    Quotation,
    QuotedLine,
    Statement,
    TrackingSlip,
)
from workers.documents.paper import Paper, Sheet


@dataclass(frozen=True, slots=True)
class Kind:
    """`find`: the documents `d`; `number` and `order` are what they are named by, `at` is their day. `make`: the
    content of a row, with the document of its order and its lines; `build`: the paper of a content.
    """

    find: str
    make: Callable[[Row, Any, Sequence[Row]], Any]
    build: Callable[[Any, Sheet], Paper]
    lines: str = ""
    by_order: bool = False
    """Whether the lines belong to the order rather than to the document."""
    number: str = "d.number"
    order: str = "d.order_id"
    at: str = "d.issued_at"


def _of_order(_: Row, document: Order, __: Sequence[Row]) -> OfOrder:
    return OfOrder(document)


def _quotation(row: Row, _: Document | None, lines: Sequence[Row]) -> Quotation:
    (number, _order, customer, zh, en, address, contact, phone, email, currency, about, by, at, expires, accepted) = row
    quoted = tuple(QuotedLine(product, quantity, price, said) for _, product, quantity, price, said in lines)
    who = (customer, (zh, en), address, contact, phone, email)
    return Quotation(number, *who, currency, about, by, at, expires, accepted, quoted)


def _delivery_note(row: Row, order: Order, lines: Sequence[Row]) -> DeliveryNote:
    number, _, address, country, *carrier, issued_at = row
    return DeliveryNote(number, order, f"{address} ({country})", Carrier(*carrier), issued_at, _goods(lines))


def _goods(lines: Sequence[Row]) -> tuple[Goods, ...]:
    return tuple(Goods(line, product, quantity) for _, product, line, quantity in lines)


def _packing_list(row: Row, order: Order, lines: Sequence[Row]) -> PackingList:
    number, _, packed_at, packages, weight_grams = row
    packed = tuple(
        Packed(first, last, material, weight, Goods(line, product, quantity))
        for _, product, line, quantity, first, last, material, weight in lines
    )
    return PackingList(number, order, packed_at, packages, weight_grams, packed)


def _tracking_slip(row: Row, order: Order, _: Sequence[Row]) -> TrackingSlip:
    number, _order, note, address, country, code, zh, en, *more = row
    return TrackingSlip(number, order, note, f"{address} ({country})", Carrier(code, zh, en), *more)


def _inspection_report(row: Row, order: Order, lines: Sequence[Row]) -> InspectionReport:
    number, _, at, passed, inspector = row
    inspected = tuple(Inspected(line, product, location, quantity) for _, product, line, location, quantity in lines)
    return InspectionReport(number, order, at, passed, inspector, inspected)


def _invoice(row: Row, order: Order, _: Sequence[Row]) -> Invoice:
    number, _order, *more = row
    return Invoice(number, order, *more)


def _statement(row: Row, order: Order, lines: Sequence[Row]) -> Statement:
    return Statement(order, row[2], tuple(Movement(*line) for _, _product, *line in lines))


def _contract(row: Row, document: SalesContract, _: Sequence[Row]) -> Contract:
    return Contract(document, row[2])


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "order": Kind(
            "select d.number, d.order_id from core.order_headers d where d.document_kind = 'order' and {}",
            _of_order,
            sales.sales_order,
            at="d.created_at",
        ),
        "quotation": Kind(
            """
            select d.number, null, d.customer, d.name_zh, d.name_en, d.address, d.contact_name, d.phone, d.email,
                d.currency, d.description, d.made_by, d.made_at, d.expires_on, d.accepted_at
            from sales_review.quotation_papers d left join core.quotation_uses u on u.quotation = d.number where {}
            """,
            _quotation,
            sales.quotation,
            "select number, product, quantity, unit_price_minor, description from sales_review.quotation_paper_lines"
            " where number = any(%s::text[]) order by number, line",
            order="u.order_id",
            at="d.made_at",
        ),
        "confirmation": Kind(
            # Only what is approved can be confirmed to anybody.
            """
            select d.number, d.order_id from core.order_headers d join core.orders o on o.id = d.order_id
            where d.document_kind = 'order' and o.state in
                ('approved', 'reserved', 'prepared', 'shipped', 'received', 'settled', 'archived', 'ended') and {}
            """,
            _of_order,
            sales.confirmation,
            at="d.created_at",
        ),
        "delivery_note": Kind(
            """
            select d.number, d.order_id, d.address, d.country, d.carrier, d.carrier_zh, d.carrier_en, d.issued_at
            from logistics.delivery_note_papers d where {}
            """,
            _delivery_note,
            goods.delivery_note,
            "select number, product, line, quantity from logistics.delivery_note_paper_lines"
            " where number = any(%s::text[]) order by number, line",
        ),
        "packing_list": Kind(
            "select d.number, d.order_id, d.packed_at, d.packages, d.weight_grams"
            " from warehouse.packing_papers d where {}",
            _packing_list,
            goods.packing_list,
            "select number, product, line, quantity, first, last, material, weight_grams"
            " from warehouse.packing_paper_lines where number = any(%s::text[]) order by number, first, line",
            at="d.packed_at",
        ),
        "tracking_slip": Kind(
            """
            select d.number, d.order_id, d.note, d.address, d.country, d.carrier, d.carrier_zh, d.carrier_en,
                d.packages, d.weight_grams, d.quantity, d.shipped_at, d.delivered_at, d.promised_date
            from logistics.tracking_papers d where {}
            """,
            _tracking_slip,
            goods.tracking_slip,
            at="d.shipped_at",
        ),
        "inspection_report": Kind(
            "select d.number, d.order_id, d.inspected_at, d.passed, d.inspector"
            " from warehouse.inspection_papers d where {}",
            _inspection_report,
            goods.inspection_report,
            "select number, product, line, location, quantity from warehouse.inspection_paper_lines"
            " where number = any(%s::text[]) order by number, line, product, location",
            at="d.inspected_at",
        ),
        "invoice": Kind(
            """
            select d.number, d.order_id, d.voucher, d.title, d.tax_number, d.address, d.currency, d.amount_minor,
                d.tax_minor, d.tax_basis_points, d.issued_at, d.due_date, d.corrects
            from finance.invoice_papers d where {}
            """,
            _invoice,
            money.invoice,
        ),
        "statement": Kind(
            """
            select d.number, d.order_id, p.settled_at
            from core.order_headers d join finance.payment_status p on p.order_id = d.order_id
            where d.document_kind = 'order' and {}
            """,
            _statement,
            money.statement,
            "select order_id, null, kind, number, at, currency, owed_minor, paid_minor from finance.order_movements"
            " where order_id = any(%s::uuid[]) order by order_id, at, kind, number",
            by_order=True,
            at="d.created_at",
        ),
        "contract": Kind(
            """
            select d.number, d.order_id, (
                select s.signed_on from compliance.signing_days s where s.contract_id = d.order_id
                order by s.round desc limit 1
            )
            from core.order_headers d left join core.contract_headers c on c.order_id = d.order_id
            where d.document_kind = 'contract' and {}
            """,
            _contract,
            sales.contract_cover,
            number="d.number",
            order="(select h.order_id from core.order_headers h where h.number = c.order_number)",
            at="d.created_at",
        ),
    }
)
