"""Maps: what is read from them, and that every fault is named with its place."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from messages.orders import OrderSubmitted
from tests.support.database import REPOSITORY
from tests.support.maps import LINE, ORDER, a_map, replaced
from workers.intake.mapping import Computed, Kind, Map, MapError, Numbers, Source, load_map, parse_map
from workers.intake.sheets import Shape

pytestmark = pytest.mark.requirement("ENT-01")


def sources(found: Map) -> dict[str, Source]:
    return {source.field: source for source in (*found.order, *found.line)}


def faults(text: str) -> list[str]:
    with pytest.raises(MapError) as refused:
        parse_map(text, "m.toml")
    return list(refused.value.faults)


def test_constants_columns_templates_and_what_is_computed() -> None:
    found = sources(parse_map(a_map(replaced("external_id", '"WEB-{No}/{Shop}{{1}}"')), "m.toml"))
    assert found["source"].constant == "shop"
    assert found["external_id"].template == ("WEB-", "No", "/", "Shop", "{1}")
    assert found["external_id"].columns == ("No", "Shop")
    assert found["customer.code"].template == ("", "Customer", "")
    assert found["total"].computed is Computed.SUM
    assert (found["requested_date"].computed, found["requested_date"].plus_days) == (Computed.TODAY, 7)
    assert [found[name].kind for name in ("product", "quantity", "unit_price", "requested_date")] == [
        Kind.TEXT,
        Kind.WHOLE,
        Kind.NUMBER,
        Kind.DATE,
    ]


def test_everything_that_a_field_can_say() -> None:
    order = replaced(
        "sale_type", '{ from = "{Country}", translate = "types", otherwise = "foreign", default = "internal" }'
    )
    order = order.replace('code = "{Customer}"', 'code = { from = "{Customer}", remove_suffix = ".0" }')
    more = """
[translate.types]
"United Kingdom" = "domestic"
[numbers]
decimal = ","
thousands = "."
ignore = ["€"]
[file]
encoding = "cp1252"
delimiter = ";"
sheet = "Orders"
heading_line = 3
"""
    found = parse_map(a_map(order, more=more, group_by='group_by = ["Shop", "No"]'), "m.toml")
    sale_type = sources(found)["sale_type"]
    assert (sale_type.translate, sale_type.otherwise, sale_type.default) == (
        {"United Kingdom": "domestic"},
        "foreign",
        "internal",
    )
    assert sources(found)["customer.code"].remove_suffix == ".0"
    assert found.group_by == ("Shop", "No")
    assert found.numbers == Numbers(",", ".", ("€",))
    assert found.shape == Shape(3, "cp1252", ";", "Orders")
    assert list(found.columns.items())[:3] == [
        ("Shop", "group_by"),
        ("No", "group_by"),
        ("Customer", "order.customer.code"),
    ]


def test_constants_may_be_dates_and_numbers() -> None:
    line = LINE + "discount_percent = 2.5"
    found = sources(parse_map(a_map(replaced("requested_date", "2026-12-24"), line), "m.toml"))
    assert found["requested_date"].constant == date(2026, 12, 24)
    assert found["discount_percent"].constant == Decimal("2.5")


def test_another_source_may_be_said_from_outside() -> None:
    without = "\n".join(line for line in ORDER.splitlines() if not line.startswith("source"))
    assert sources(parse_map(a_map(without), "m.toml", "store 7"))["source"].constant == "store 7"
    assert sources(parse_map(a_map(), "m.toml", "store 7"))["source"].constant == "store 7"
    assert faults(a_map(without)) == ["m.toml: order: source is missing; a constant or a column is needed"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("group_by = ", "m.toml: not TOML"),
        (a_map(group_by=""), "m.toml: 'group_by' is missing"),
        (a_map(group_by="group_by = []"), "m.toml: 'group_by' names no column"),
        (a_map(group_by='group_by = "No"\nsheets = 1'), "m.toml: unknown key 'sheets'; known are group_by, order"),
        (
            a_map(ORDER + 'colour = "red"'),
            "m.toml: order: there is no field colour; the fields are source,",
        ),
        (a_map(ORDER + 'delivery.planet = "Mars"'), "m.toml: order: there is no field delivery.planet"),
        (a_map(line='product = "{Product}"'), "m.toml: line: quantity is missing"),
        (a_map(replaced("external_id", '"one"')), "m.toml: order: external_id names no column"),
        (a_map(replaced("channel", '"pigeon"')), "m.toml: order: channel: 'from' is 'pigeon': Input should be 'phone'"),
        (a_map(replaced("currency", '"yuan"')), "m.toml: order: currency: 'from' is 'yuan': String should match"),
        (a_map(replaced("channel", "7")), "m.toml: order: channel: 'from' must be a text, or name a column"),
        (a_map(replaced("channel", '{ default = "fax" }')), "m.toml: order: channel: 'from' must be a text"),
        (a_map(replaced("channel", '{ from = "fax", default = "fax" }')), "unknown key 'default' beside a constant"),
        (a_map(replaced("channel", '{ from = "{C}", plus_days = 1 }')), "unknown key 'plus_days' of a text field"),
        (a_map(replaced("channel", '{ from = "{C}", default = "crow" }')), "order: channel: 'default' is 'crow'"),
        (a_map(replaced("channel", '{ from = "{C}", translate = "c" }')), "'translate' is 'c', not one of"),
        (a_map(replaced("channel", '{ from = "{C}", otherwise = "fax" }')), "'otherwise' is for what 'translate'"),
        (
            a_map(replaced("channel", '{ from = "{C}", translate = "c" }'), more='[translate.c]\nPost = "stork"'),
            "order: channel: 'translate' is 'stork'",
        ),
        (a_map(replaced("external_id", '"{No"')), "'{No' has a brace without its partner"),
        (a_map(replaced("total", '{ from = "sum", default = 1 }')), "unknown key 'default' beside a sum"),
        (a_map(replaced("total", '"product"')), "order: total: 'from' must be a number"),
        (a_map(replaced("requested_date", '{ from = "today", dates = ["%d"] }')), "unknown key 'dates' beside today"),
        (a_map(replaced("requested_date", '{ from = "{D}", plus_days = "1" }')), "'plus_days' must be a whole number"),
        (a_map(replaced("requested_date", "2026-12-24T10:00:00")), "order: requested_date: 'from' must be a date"),
        (a_map(line=LINE.replace('"{Quantity}"', "-1")), "line: quantity: 'from' is '-1': Input should be greater"),
        (a_map(line=LINE.replace('"{Quantity}"', "1.5")), "line: quantity: 'from' must be a whole number"),
        (a_map(more='[numbers]\ndecimal = ";"'), "m.toml: numbers: 'decimal' is ';', not one of"),
        (a_map(more='[numbers]\ndecimal = ","\nthousands = ","'), "'decimal' and 'thousands' are both ','"),
        (a_map(more='[file]\nencoding = "klingon"'), "m.toml: file: 'encoding' is 'klingon', which is not known"),
        (a_map(more='[file]\ndelimiter = "::"'), "m.toml: file: 'delimiter' is '::' and must be one character"),
        (a_map(more="[file]\nheading_line = 0"), "m.toml: file: 'heading_line' is 0 and must be at least 1"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, fault: str) -> None:
    assert any(fault in found for found in faults(text)), faults(text)


def test_all_faults_are_told_at_once() -> None:
    found = faults(a_map(replaced("channel", '"pigeon"') + '\ncolour = "red"', 'product = "{P}"'))
    assert len(found) == 4


def test_every_required_field_of_an_order_is_asked_for() -> None:
    missing = {fault.split()[2] for fault in faults("group_by = 'No'\n[order]\n[line]\n") if fault.endswith("needed")}
    required = {name for name, field in OrderSubmitted.model_fields.items() if field.is_required()} - {"lines"}
    assert {name.partition(".")[0] for name in missing} == required | {"product", "quantity", "unit_price"}


def test_the_example_is_a_map() -> None:
    found: Any = load_map(REPOSITORY / "deploy" / "sample_company" / "map-example.toml")
    assert found.group_by == ("订单号",)
    assert {"商品编号", "数量", "单价"} < found.columns.keys()
