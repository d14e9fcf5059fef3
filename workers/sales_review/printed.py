"""The sales order on paper (打印销售订单, ENT-08): one HTML page that stands alone and prints on A4. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from zoneinfo import ZoneInfo

from messages.orders import Line, Order
from shared.money import format_amount, in_chinese_capitals
from shared.words import Language, word

_ZONE = ZoneInfo("Asia/Shanghai")
_SIGNED_BY = ("prepared_by", "handed_over_by", "received_by")


def sales_order(order: Order, names: Mapping[str, tuple[str, str]], languages: Sequence[Language]) -> str:
    """The page, in one or both languages. `names` of products, in Chinese and English."""
    return _PAGE.format(
        language="zh-CN" if "zh" in languages else "en",
        number=escape(order.number),
        title=_label("title", languages),
        head="".join(_field(code, value, languages) for code, value in _head(order, languages)),
        columns="".join(f"<th>{_label(code, languages)}</th>" for code in _COLUMNS),
        lines="".join(_row(order, line, names, languages) for line in order.lines),
        total=_label("total", languages),
        amount=escape(format_amount(order.total_minor, order.currency, "zh_CN" if "zh" in languages else "en")),
        capitals=_capitals(order, languages),
        special=_field("special_requirements", order.special_requirements.strip() or "–", languages),
        signatures="".join(f"<td>{_label(code, languages)}<br><br><br></td>" for code in _SIGNED_BY),
    )


def _head(order: Order, languages: Sequence[Language]) -> Iterable[tuple[str, str]]:
    yield "number", order.number
    yield "date", order.created_at.astimezone(_ZONE).strftime("%Y-%m-%d")
    yield "customer", f"{order.customer.name} ({order.customer.code})"
    yield "customer_order_number", order.customer_order_number or "–"
    yield "contact", " ".join(filter(None, (order.contact.name, order.contact.phone, order.contact.email)))
    yield "address", f"{order.delivery.address} ({order.delivery.country})"
    yield "sale_type", _both("sale_types", order.sale_type, languages)
    yield "delivery_date", (order.delivery_date or order.requested_date).isoformat()
    yield "payment", f"{_both('payment_methods', order.payment.method, languages)}, {order.payment.terms}"
    yield "creator", order.creator


def _row(order: Order, line: Line, names: Mapping[str, tuple[str, str]], languages: Sequence[Language]) -> str:
    zh, en = names.get(line.product, ("", ""))
    known = {"zh": zh, "en": en}
    name = " / ".join(dict.fromkeys(known[language] for language in languages if known[language]))
    discount = f"{line.discount_basis_points / 100:g} %" if line.discount_basis_points else ""
    locale = "zh_CN" if "zh" in languages else "en"
    cells = (
        str(line.number),
        line.product,
        name,
        str(line.quantity),
        format_amount(line.unit_price_minor, order.currency, locale),
        discount,
        format_amount(line.amount_minor, order.currency, locale),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _capitals(order: Order, languages: Sequence[Language]) -> str:
    """大写金额, as Chinese documents have it: of amounts in yuan."""
    if order.currency != "CNY":
        return ""
    return _field("in_capitals", in_chinese_capitals(order.total_minor), languages)


def _field(code: str, value: str, languages: Sequence[Language]) -> str:
    return f"<div><b>{_label(code, languages)}</b> {escape(value)}</div>"


def _label(code: str, languages: Sequence[Language]) -> str:
    return escape(_both("printed", code, languages))


def _both(kind: str, code: str, languages: Sequence[Language]) -> str:
    return " ".join(word(kind, code, language) for language in languages)


_COLUMNS = ("line", "product", "name", "quantity", "unit_price", "discount", "amount")
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{number}</title><style>
@page {{ size: A4; margin: 15mm }}
body {{ font: 11pt/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", sans-serif; color: #000 }}
h1 {{ font-size: 18pt; text-align: center; margin: 0 0 6mm }}
.head {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1mm 8mm; margin-bottom: 5mm }}
table {{ width: 100%; border-collapse: collapse; margin: 4mm 0 }}
th, td {{ border: 0.3mm solid #000; padding: 1.5mm 2mm; text-align: left }}
thead {{ display: table-header-group }} tr {{ break-inside: avoid }}
td:nth-child(n+4), th:nth-child(n+4) {{ text-align: right }}
.total {{ font-size: 13pt; text-align: right }}
.signatures td {{ width: 33%; text-align: left; vertical-align: top }}
@media screen {{ body {{ max-width: 190mm; margin: 10mm auto }} }}
</style></head><body>
<h1>{title}</h1>
<div class="head">{head}</div>
<table><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table>
<div class="total"><b>{total}</b> {amount}{capitals}</div>
{special}
<table class="signatures"><tr>{signatures}</tr></table>
</body></html>
"""
