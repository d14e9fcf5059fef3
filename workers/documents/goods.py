"""Documents that travel with the goods: delivery note, packing list, tracking slip, inspection report. Pure."""

from messages.orders import Order
from shared.words import Language
from workers.documents.contents import Carrier, DeliveryNote, InspectionReport, Packed, PackingList, TrackingSlip
from workers.documents.paper import Column, Field, Paper, Sheet, Table, day, kilograms, minute


def delivery_note(content: DeliveryNote, sheet: Sheet) -> Paper:
    """发货单 (LOG-02)."""
    order = content.order
    rows = tuple(
        (str(each.line), each.product, sheet.product(each.product), f"{each.quantity:,}") for each in content.lines
    )
    columns = (
        Column(sheet.label("line"), "right"),
        Column(sheet.label("product")),
        Column(sheet.label("name"), wide=True),
        Column(sheet.label("quantity"), "right"),
    )
    return sheet.paper(
        "delivery_note",
        content.number,
        [
            *_recipient(order, content.address, sheet),
            (sheet.label("issued_on"), day(content.issued_at)),
            (sheet.label("carrier"), _carrier(content.carrier, sheet)),
            (sheet.label("delivery_date"), day(order.delivery_date or order.requested_date)),
        ],
        [Table(columns, rows)],
        [(sheet.label("total_quantity"), f"{sum(each.quantity for each in content.lines):,}")],
        [(sheet.label("special_requirements"), order.special_requirements)],
        ("issued_by", "carrier_signs", "recipient_signs"),
    )


def packing_list(content: PackingList, sheet: Sheet) -> Paper:
    """装箱单 (WHS-09): what lies in which package. Quantities are those of all packages of a line."""
    before = [None, *(each.first for each in content.lines)]
    rows = tuple(
        (
            *(_package(each, sheet) if each.first != last else ("", "", "")),
            each.goods.product,
            sheet.product(each.goods.product),
            f"{each.goods.quantity:,}",
            f"{each.goods.quantity * (each.last - each.first + 1):,}",
        )
        for each, last in zip(content.lines, before, strict=False)
    )
    columns = (
        Column(sheet.label("packages"), "right"),
        Column(sheet.label("material")),
        Column(sheet.label("package_weight"), "right"),
        Column(sheet.label("product")),
        Column(sheet.label("name"), wide=True),
        Column(sheet.label("in_each"), "right"),
        Column(sheet.label("quantity"), "right"),
    )
    quantity = sum(each.goods.quantity * (each.last - each.first + 1) for each in content.lines)
    return sheet.paper(
        "packing_list",
        content.number,
        [
            *_recipient(content.order, _place(content.order), sheet),
            (sheet.label("packed_at"), minute(content.packed_at)),
        ],
        [Table(columns, rows)],
        [
            (sheet.label("total_packages"), f"{content.packages:,}"),
            (sheet.label("total_weight"), kilograms(content.weight_grams)),
            (sheet.label("total_quantity"), f"{quantity:,}"),
        ],
        [(sheet.label("special_requirements"), content.order.special_requirements)],
        ("packed_by", "checked_by"),
    )


def _package(each: Packed, sheet: Sheet) -> tuple[str, str, str]:
    numbers = str(each.first) if each.first == each.last else f"{each.first}–{each.last}"
    return numbers, sheet.label(f"material_{each.material}"), kilograms(each.weight_grams)


def tracking_slip(content: TrackingSlip, sheet: Sheet) -> Paper:
    """物流追踪单 (LOG-06): what left with whom, and how far it is."""
    order = content.order
    steps = (
        ("shipped", minute(content.shipped_at)),
        ("expected", day(content.promised_date)),
        ("delivered", minute(content.delivered_at)),
    )
    rows = tuple((sheet.label(f"goods_{code}"), at or "–") for code, at in steps)
    return sheet.paper(
        "tracking_slip",
        content.number,
        [
            *_recipient(order, content.address, sheet),
            (sheet.label("delivery_note"), content.note),
            (sheet.label("carrier"), _carrier(content.carrier, sheet)),
            (sheet.label("total_packages"), "" if content.packages is None else f"{content.packages:,}"),
            (sheet.label("total_weight"), "" if content.weight_grams is None else kilograms(content.weight_grams)),
            (sheet.label("total_quantity"), f"{content.quantity:,}"),
        ],
        [Table((Column(sheet.label("progress")), Column(sheet.label("time"), wide=True)), rows)],
        signatures=("carrier_signs", "recipient_signs"),
    )


def inspection_report(content: InspectionReport, sheet: Sheet) -> Paper:
    """质量检验报告 (WHS-10): what was inspected, how, and with what result."""
    rows = tuple(
        (
            str(each.line or ""),
            each.product,
            sheet.product(each.product),
            each.location,
            f"{each.quantity:,}",
            sheet.label("passed" if content.passed else "failed"),
        )
        for each in content.lines
    )
    columns = (
        Column(sheet.label("line"), "right"),
        Column(sheet.label("product")),
        Column(sheet.label("name"), wide=True),
        Column(sheet.label("location")),
        Column(sheet.label("quantity"), "right"),
        Column(sheet.label("result")),
    )
    return sheet.paper(
        "inspection_report",
        content.number,
        [
            *_recipient(content.order, "", sheet),
            (sheet.label("inspected_at"), minute(content.inspected_at)),
            (sheet.label("inspected_how"), sheet.label(f"inspection_{content.inspector}")),
        ],
        [Table(columns, rows)],
        [(sheet.label("result"), sheet.label("passed" if content.passed else "failed"))],
        signatures=("inspector_signs", "checked_by"),
    )


def _recipient(order: Order, address: str, sheet: Sheet) -> list[Field]:
    return [
        (sheet.label("customer"), f"{order.customer.name} ({order.customer.code})"),
        (sheet.label("number"), order.number),
        (sheet.label("address"), address),
        (sheet.label("contact"), " ".join(filter(None, (order.contact.name, order.contact.phone)))),
        (sheet.label("customer_order_number"), order.customer_order_number or ""),
    ]


def _place(order: Order) -> str:
    return f"{order.delivery.address} ({order.delivery.country})"


def _carrier(carrier: Carrier, sheet: Sheet) -> str:
    if carrier.code is None:
        return sheet.label("by_hand")
    names: dict[Language, str | None] = {"zh": carrier.name_zh, "en": carrier.name_en}
    known = dict.fromkeys(names[language] for language in sheet.languages)
    return f"{' / '.join(filter(None, known))} ({carrier.code})"
