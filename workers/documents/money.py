"""Documents about money: invoice and settlement statement. Pure."""

from collections.abc import Sequence

from workers.documents.contents import Invoice, Movement, Statement
from workers.documents.paper import Column, Paper, Sheet, Table, day, plain
from workers.documents.sales import priced_lines


def invoice(content: Invoice, sheet: Sheet) -> Paper:
    """发票 (SET-04). Prices include tax, so what is before tax is said beside it. A red-letter one takes another back.

    Where it is not for the whole order, it has one line.
    """
    order, currency = content.order, content.currency
    sign = -1 if content.corrects else 1
    whole = abs(content.amount_minor) == order.total_minor and currency == order.currency
    rate = f"{content.tax_basis_points / 100:g} %"
    return sheet.paper(
        "red_invoice" if content.corrects else "invoice",
        content.number,
        [
            (sheet.label("invoice_title"), content.title),
            (sheet.label("tax_number"), content.tax_number or ""),
            (sheet.label("invoice_address"), content.address),
            (sheet.label("number"), order.number),
            (sheet.label("issued_on"), day(content.issued_at)),
            (sheet.label("due_date"), day(content.due_date)),
            (sheet.label("our_tax_number"), sheet.company.tax_number),
            (sheet.label("voucher"), content.voucher),
            (sheet.label("corrects"), content.corrects or ""),
            (sheet.label("customer_order_number"), order.customer_order_number or ""),
        ],
        [priced_lines(order.lines, currency, sheet, sign) if whole else _one_line(content, sheet)],
        [
            (sheet.label("before_tax"), sheet.money(content.amount_minor - content.tax_minor, currency)),
            (f"{sheet.label('tax')} {rate}", sheet.money(content.tax_minor, currency)),
            (sheet.label("total_with_tax"), sheet.money(content.amount_minor, currency)),
        ],
        [
            *sheet.capitals(content.amount_minor, currency),
            (sheet.label("payment"), sheet.terms(order.payment.method, order.payment.terms)),
            *sheet.bank(),
        ],
        ("issued_by", "checked_by"),
    )


def _one_line(content: Invoice, sheet: Sheet) -> Table:
    columns = (
        Column(sheet.label("what"), wide=True),
        Column(f"{sheet.label('amount')} ({content.currency})", "right"),
    )
    said = f"{sheet.label('goods_of_order')} {content.order.number}"
    return Table(columns, ((said, plain(content.amount_minor, content.currency)),))


def statement(content: Statement, sheet: Sheet) -> Paper:
    """结算单: what an order came to and what was paid of it, each in its own currency, with the balance."""
    order = content.order
    rows = tuple(
        (
            day(each.at),
            sheet.label(f"movement_{each.kind}"),
            each.number,
            plain(each.owed_minor, each.currency) if each.owed_minor else "",
            plain(each.paid_minor, each.currency) if each.paid_minor else "",
            each.currency,
        )
        for each in content.movements
    )
    columns = (
        Column(sheet.label("day")),
        Column(sheet.label("kind")),
        Column(sheet.label("document"), wide=True),
        Column(sheet.label("owed"), "right"),
        Column(sheet.label("paid"), "right"),
        Column(sheet.label("currency")),
    )
    return sheet.paper(
        "statement",
        order.number,
        [
            (sheet.label("customer"), f"{order.customer.name} ({order.customer.code})"),
            (sheet.label("number"), order.number),
            (sheet.label("payment"), sheet.terms(order.payment.method, order.payment.terms)),
            (sheet.label("order_total"), sheet.money(order.total_minor, order.currency)),
            (sheet.label("settled_on"), day(content.settled_at)),
        ],
        [Table(columns, rows)],
        _balance(content.movements, sheet),
        sheet.bank(),
        ("issued_by", "customer_agrees"),
    )


def _balance(movements: Sequence[Movement], sheet: Sheet) -> list[tuple[str, str]]:
    """What was owed, what was paid, and what remains: in each currency that there is."""
    totals = []
    for currency in sorted({each.currency for each in movements}):
        owed = sum(each.owed_minor for each in movements if each.currency == currency)
        paid = sum(each.paid_minor for each in movements if each.currency == currency)
        for label, amount in (("owed", owed), ("paid", paid), ("balance", owed - paid)):
            totals.append((sheet.label(label), sheet.money(amount, currency)))
    return totals
