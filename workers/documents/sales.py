"""Documents of a sale: the order on paper, its confirmation, the quotation before it, the contract's cover. Pure."""

from collections.abc import Sequence

from messages.orders import Line, Order
from workers.documents.contents import Contract, OfOrder, Quotation
from workers.documents.paper import Column, Field, Paper, Sheet, Table, day, plain


def sales_order(content: OfOrder, sheet: Sheet) -> Paper:
    """打印销售订单 (ENT-08), as it is handed over on paper."""
    order = content.order
    return sheet.paper(
        "order",
        order.number,
        [*_head(order, sheet), (sheet.label("creator"), order.creator)],
        [priced_lines(order.lines, order.currency, sheet)],
        [(sheet.label("total"), sheet.money(order.total_minor, order.currency))],
        [
            *sheet.capitals(order.total_minor, order.currency),
            (sheet.label("special_requirements"), order.special_requirements.strip() or "–"),
        ],
        ("prepared_by", "handed_over_by", "received_by"),
    )


def confirmation(content: OfOrder, sheet: Sheet) -> Paper:
    """订单确认函 (TRK-04): everything that both sides agree on, for the customer to keep."""
    order = content.order
    return sheet.paper(
        "confirmation",
        order.number,
        [*_head(order, sheet), (sheet.label("confirmed_on"), day(content.dated))],
        [priced_lines(order.lines, order.currency, sheet)],
        [(sheet.label("total"), sheet.money(order.total_minor, order.currency))],
        [
            *sheet.capitals(order.total_minor, order.currency),
            (sheet.label("special_requirements"), order.special_requirements.strip() or "–"),
            *sheet.bank(),
            (sheet.label("confirmed"), sheet.sentence("we_confirm")),
        ],
        ("seller_signs", "buyer_signs"),
    )


def quotation(content: Quotation, sheet: Sheet) -> Paper:
    """报价单 (INT-03): what is offered, and until when."""
    currency = content.currency
    zh, en = content.names
    names = dict.fromkeys(zh if language == "zh" else en for language in sheet.languages)
    rows = tuple(
        (
            str(place),
            line.product,
            line.description or sheet.product(line.product),
            f"{line.quantity:,}",
            plain(line.unit_price_minor, currency),
            plain(line.quantity * line.unit_price_minor, currency),
        )
        for place, line in enumerate(content.lines, 1)
    )
    total = sum(line.quantity * line.unit_price_minor for line in content.lines)
    return sheet.paper(
        "quotation",
        content.number,
        [
            (sheet.label("customer"), f"{' / '.join(filter(None, names))} ({content.customer})"),
            (sheet.label("date"), day(content.made_at)),
            (sheet.label("contact"), " ".join(filter(None, (content.contact, content.phone, content.email)))),
            (sheet.label("expires_on"), day(content.expires_on)),
            (sheet.label("address"), content.address),
            (sheet.label("made_by"), content.made_by),
            (sheet.label("accepted_on"), day(content.accepted_at)),
        ],
        [Table(_priced(sheet, currency, discounts=False), rows)],
        [(sheet.label("total"), sheet.money(total, currency))],
        [
            *sheet.capitals(total, currency),
            (sheet.label("description"), content.description),
            (sheet.label("validity"), sheet.sentence("quotation_holds", day=day(content.expires_on))),
            *sheet.bank(),
        ],
        ("seller_signs", "buyer_signs"),
    )


def contract_cover(content: Contract, sheet: Sheet) -> Paper:
    """合同封面 (CMP-02, CMP-09): between whom it is, what it is about, what it says of each element and term."""
    contract = content.contract
    currency = contract.currency
    said = [
        *((name, getattr(contract.elements, name)) for name in contract.elements.__struct_fields__),
        *((f"{name}_terms", getattr(contract.terms, name)) for name in contract.terms.__struct_fields__),
    ]
    clauses = tuple((sheet.label(f"clause_{name}"), text) for name, text in said if text.strip())
    tables = [priced_lines(contract.lines, currency, sheet)] if contract.lines else []
    if clauses:
        tables.append(Table((Column(sheet.label("clause")), Column(sheet.label("says"), wide=True)), clauses))
    if contract.obligations:
        tables.append(_obligations(content, sheet))
    return sheet.paper(
        "contract",
        contract.number,
        [
            (sheet.label("seller"), f"{contract.seller.name} ({contract.seller.code})"),
            (sheet.label("buyer"), f"{contract.customer.name} ({contract.customer.code})"),
            (sheet.label("contract_date"), day(contract.dated)),
            (sheet.label("signed_on"), day(content.signed_on)),
            (sheet.label("number"), contract.order or ""),
            (sheet.label("sale_type"), sheet.word("sale_types", contract.sale_type)),
            (sheet.label("attachments"), str(len(contract.attachments) or "")),
        ],
        tables,
        [(sheet.label("total"), sheet.money(contract.total_minor, currency))],
        sheet.capitals(contract.total_minor, currency),
        ("seller_signs", "buyer_signs"),
    )


def _obligations(content: Contract, sheet: Sheet) -> Table:
    currency = content.contract.currency
    headings = (
        Column(sheet.label("line"), "right"),
        Column(sheet.label("kind")),
        Column(sheet.label("what"), wide=True),
        Column(sheet.label("due")),
        Column(f"{sheet.label('amount')} ({currency})", "right"),
    )
    rows = tuple(
        (
            str(each.number),
            sheet.label(f"obligation_{each.kind}"),
            each.what,
            day(each.due),
            "" if each.amount_minor is None else plain(each.amount_minor, currency),
        )
        for each in content.contract.obligations
    )
    return Table(headings, rows, sheet.label("obligations"))


def _head(order: Order, sheet: Sheet) -> list[Field]:
    return [
        (sheet.label("customer"), f"{order.customer.name} ({order.customer.code})"),
        (sheet.label("date"), day(order.created_at)),
        (
            sheet.label("contact"),
            " ".join(filter(None, (order.contact.name, order.contact.phone, order.contact.email))),
        ),
        (sheet.label("customer_order_number"), order.customer_order_number or ""),
        (sheet.label("address"), f"{order.delivery.address} ({order.delivery.country})"),
        (sheet.label("delivery_date"), day(order.delivery_date or order.requested_date)),
        (sheet.label("payment"), sheet.terms(order.payment.method, order.payment.terms)),
        (sheet.label("sale_type"), sheet.word("sale_types", order.sale_type)),
    ]


def _priced(sheet: Sheet, currency: str, *, discounts: bool) -> tuple[Column, ...]:
    money = f"({currency})"
    return (
        Column(sheet.label("line"), "right"),
        Column(sheet.label("product")),
        Column(sheet.label("name"), wide=True),
        Column(sheet.label("quantity"), "right"),
        Column(f"{sheet.label('unit_price')} {money}", "right"),
        *((Column(sheet.label("discount"), "right"),) if discounts else ()),
        Column(f"{sheet.label('amount')} {money}", "right"),
    )


def priced_lines(lines: Sequence[Line], currency: str, sheet: Sheet, sign: int = 1) -> Table:
    """The lines of an order with their prices; `sign` -1: taken back. Discounts only where there are any."""
    discounts = any(line.discount_basis_points for line in lines)
    rows = tuple(
        (
            str(line.number),
            line.product,
            sheet.product(line.product),
            f"{sign * line.quantity:,}",
            plain(line.unit_price_minor, currency),
            *((f"{line.discount_basis_points / 100:g} %" if line.discount_basis_points else "",) if discounts else ()),
            plain(sign * line.amount_minor, currency),
        )
        for line in lines
    )
    return Table(_priced(sheet, currency, discounts=discounts), rows)
