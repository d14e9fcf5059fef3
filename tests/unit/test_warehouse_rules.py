"""The warehouse decides: availability, who gets the goods, picking, packing and inspection."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from messages.orders import Order
from shared import policy
from shared.department import Outcome, Passed, Referred, Unworkable, Value, Visit, Waiting
from tests.support.orders import NOW
from tests.support.warehouse import ordered
from workers.warehouse.arrivals import StockRow
from workers.warehouse.preparation_rules import (
    CARTON,
    CRATE,
    FAILED,
    PERSON,
    ROUTINE,
    Content,
    Goods,
    Packages,
    Prepared,
    Rejected,
    pack,
    prepare,
)
from workers.warehouse.rules import LOOK_AGAIN_AFTER, Lacking, Opened, Pick, Reserved, Shelves, confirm, reserve

POLICY = policy.load().get("standard@1")
TODAY = date(2026, 6, 15)


def a_visit(order: Order, options: Mapping[str, Value] | None = None, agreed: bool = False) -> Visit:
    return Visit(order, 1, "step", options or {}, POLICY, NOW, agreed=agreed)


def shelves(**products: Mapping[str, int] | int) -> Shelves:
    """Stock by product: one number is what lies at MAIN."""
    return Shelves(
        {name: {"MAIN": places} if isinstance(places, int) else dict(places) for name, places in products.items()}
    )


def goods(
    stock: Shelves,
    reserved: Mapping[str, Sequence[Pick]] | None = None,
    inspections: Mapping[tuple[str, str], str] | None = None,
    weights: Mapping[str, int] | None = None,
) -> Goods:
    return Goods(stock, inspections or {}, weights or {}, reserved or {})


def findings(outcome: Outcome) -> list[tuple[str, str, dict[str, Value]]]:
    return [(each.code, each.subject, dict(each.values)) for each in getattr(outcome, "findings", ())]


def prepared(outcome: Outcome) -> Prepared:
    assert isinstance(outcome, Passed | Referred)
    effect = outcome.effects[-1]
    assert isinstance(effect, Prepared)
    return effect


# -- confirmation ------------------------------------------------------------------------------------------------------


def without_waiting(outcome: Outcome) -> tuple[object, ...]:
    """What is done beside standing in line for goods, which whoever waits does last."""
    assert isinstance(outcome, Waiting)
    *others, lacking = outcome.effects
    assert isinstance(lacking, Lacking)
    return tuple(others)


@pytest.mark.requirement("WHS-01", "WHS-03")
@pytest.mark.parametrize(("available", "short_by"), [(6, 0), (5, 0), (4, 1), (0, 5)])
def test_confirming_says_how_many_pieces_are_missing(available: int, short_by: int) -> None:
    outcome = confirm(a_visit(ordered(("A", 5))), shelves(A=available), TODAY)
    assert outcome.basis["short_by_line"] == {"1": short_by}
    if short_by:
        values = {"needed": 5, "available": available, "short_by": short_by}
        assert findings(outcome) == [("stock.short", "A", values)]
    else:
        assert isinstance(outcome, Passed)


@pytest.mark.requirement("WHS-01")
def test_lines_with_the_same_product_are_counted_together() -> None:
    outcome = confirm(a_visit(ordered(("A", 3), ("B", 1), ("A", 4))), shelves(A={"N": 2, "S": 3}, B=1), TODAY)
    assert findings(outcome) == [("stock.short", "A", {"needed": 7, "available": 5, "short_by": 2})]
    assert outcome.basis["short_by_line"] == {"1": 0, "2": 0, "3": 2}
    assert outcome.basis["available"] == {"A": 5, "B": 1}


@pytest.mark.requirement("WHS-01")
def test_confirming_names_an_unknown_product_once() -> None:
    outcome = confirm(a_visit(ordered(("A", 3), ("X", 1))), shelves(A=3), TODAY)
    assert findings(outcome) == [("stock.unknown_product", "X", {})]


@pytest.mark.requirement("WHS-01")
@pytest.mark.parametrize(("transit_days", "late"), [(None, False), (30, False), (31, True)])
def test_confirming_says_whether_the_goods_can_be_there_on_time(transit_days: int | None, late: bool) -> None:
    order = ordered(("A", 1), requested=TODAY + timedelta(days=30))
    options = {} if transit_days is None else {"transit_days": transit_days}
    outcome = confirm(a_visit(order, options), shelves(A=1), TODAY)
    expected = [("stock.late", "", {"requested": "2026-07-15", "earliest": "2026-07-16"})] if late else []
    assert findings(outcome) == expected


@pytest.mark.requirement("WHS-01")
def test_nothing_is_there_before_today() -> None:
    late = ordered(("A", 1), requested=TODAY - timedelta(days=1))
    assert findings(confirm(a_visit(late), shelves(A=1), TODAY))[0][0] == "stock.late"
    assert isinstance(confirm(a_visit(ordered(("A", 1), requested=TODAY)), shelves(A=1), TODAY), Passed)


@pytest.mark.parametrize("value", [-1, "3", True])
def test_transit_days_must_be_a_whole_number(value: Value) -> None:
    with pytest.raises(Unworkable, match="transit_days"):
        confirm(a_visit(ordered(("A", 1)), {"transit_days": value}), shelves(A=1), TODAY)


# -- reservation -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-02")
def test_exactly_what_is_available_is_enough() -> None:
    order = ordered(("A", 5), ("B", 2))
    outcome = reserve(a_visit(order), shelves(A=5, B=2))
    assert isinstance(outcome, Passed)
    assert outcome.effects == (Reserved(order.id, [Pick(1, "A", "MAIN", 5), Pick(2, "B", "MAIN", 2)]),)
    assert outcome.basis == {"available": {"A": 5, "B": 2}}


@pytest.mark.requirement("WHS-02", "WHS-04")
def test_one_piece_too_few_reserves_nothing_and_waits_for_every_short_product() -> None:
    outcome = reserve(a_visit(ordered(("A", 5), ("B", 2), ("C", 1))), shelves(A=4, B=2, C=0))
    assert isinstance(outcome, Waiting)
    assert outcome.keys == ("stock:A", "stock:C")
    assert without_waiting(outcome) == ()
    assert outcome.until == NOW + LOOK_AGAIN_AFTER
    assert findings(outcome) == [
        ("stock.short", "A", {"needed": 5, "available": 4, "short_by": 1}),
        ("stock.short", "C", {"needed": 1, "available": 0, "short_by": 1}),
    ]


@pytest.mark.requirement("WHS-02")
@pytest.mark.parametrize(("available", "passes"), [(7, True), (6, False)])
def test_lines_with_the_same_product_are_reserved_together_or_not_at_all(available: int, passes: bool) -> None:
    outcome = reserve(a_visit(ordered(("A", 3), ("A", 4))), shelves(A=available))
    assert isinstance(outcome, Passed) is passes


@pytest.mark.requirement("WHS-02")
def test_the_fullest_location_serves_first_and_names_decide_ties() -> None:
    order = ordered(("A", 7), ("A", 5))
    outcome = reserve(a_visit(order), shelves(A={"E": 4, "N": 4, "S": 6}))
    assert isinstance(outcome, Passed)
    assert outcome.effects[0].picks == [
        Pick(1, "A", "S", 6),
        Pick(1, "A", "E", 1),
        Pick(2, "A", "N", 4),
        Pick(2, "A", "E", 1),
    ]


@pytest.mark.requirement("WHS-02")
def test_the_next_order_of_a_batch_sees_what_the_one_before_it_got() -> None:
    stock = shelves(A=5)
    first = reserve(a_visit(ordered(("A", 3))), stock)
    assert isinstance(first, Passed)
    stock.absorb(first.effects[0])
    assert isinstance(reserve(a_visit(ordered(("A", 3))), stock), Waiting)
    # An order that lacks nothing passes the one that waits.
    assert isinstance(reserve(a_visit(ordered(("A", 2))), stock), Passed)


@pytest.mark.requirement("WHS-02")
def test_deciding_takes_nothing_by_itself() -> None:
    stock = shelves(A={"N": 2, "S": 3})
    reserve(a_visit(ordered(("A", 5))), stock)
    assert stock.available == {"A": {"N": 2, "S": 3}}


@pytest.mark.requirement("WHS-04")
def test_an_unknown_product_goes_to_a_person_who_may_have_it_taken_into_stock() -> None:
    order = ordered(("A", 1), ("X", 2))
    stock = shelves(A=1)
    asked = reserve(a_visit(order), stock)
    assert isinstance(asked, Referred)
    assert findings(asked) == [("stock.unknown_product", "X", {})]
    assert asked.effects == ()
    agreed = reserve(a_visit(order, agreed=True), stock)
    assert isinstance(agreed, Waiting)
    assert agreed.keys == ("stock:X",)
    assert without_waiting(agreed) == (Opened("X"),)
    stock.absorb(Opened("X"))
    assert isinstance(reserve(a_visit(order), stock), Waiting)


PLACES = st.dictionaries(st.sampled_from("NSEW"), st.integers(0, 9), min_size=1)


@pytest.mark.requirement("WHS-02")
@given(
    stock=st.dictionaries(st.sampled_from("ABC"), PLACES, min_size=3),
    orders=st.lists(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 8)), min_size=1, max_size=4), max_size=6),
)
def test_whatever_is_ordered_every_order_gets_all_or_nothing_and_no_piece_goes_twice(
    stock: dict[str, dict[str, int]], orders: list[list[tuple[str, int]]]
) -> None:
    there = Shelves({product: dict(sorted(places.items())) for product, places in stock.items()})
    given_away: list[Pick] = []
    for lines in orders:
        order = ordered(*lines)
        outcome = reserve(a_visit(order), there)
        if isinstance(outcome, Passed):
            picks = outcome.effects[0].picks
            for line in order.lines:
                assert sum(pick.quantity for pick in picks if pick.line == line.number) == line.quantity
                assert {pick.product for pick in picks if pick.line == line.number} == {line.product}
            assert len({pick[:3] for pick in picks}) == len(picks)
            given_away += picks
            there.absorb(outcome.effects[0])
    for product, places in stock.items():
        for location, quantity in places.items():
            gone = sum(pick.quantity for pick in given_away if pick[1:3] == (product, location))
            assert there.available[product][location] == quantity - gone >= 0


# -- preparation -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-07", "WHS-08", "WHS-09", "WHS-10")
def test_what_is_reserved_is_picked_packed_and_passes_by_routine() -> None:
    order = ordered(("A", 5), ("B", 2))
    held = [Pick(1, "A", "N", 3), Pick(1, "A", "S", 2), Pick(2, "B", "N", 2)]
    outcome = prepare(a_visit(order), goods(shelves(A=0, B=0), {order.id: held}, weights={"A": 100, "B": 50}))
    assert isinstance(outcome, Passed)
    effect = prepared(outcome)
    assert (effect.fresh, effect.inspector) == ([], ROUTINE)
    assert effect.packages == (Packages(1, 1, CARTON, 600, (Content(1, "A", 5), Content(2, "B", 2))),)


@pytest.mark.requirement("WHS-07")
def test_no_instruction_for_an_order_that_is_not_reserved() -> None:
    order = ordered(("A", 5))
    outcome = prepare(a_visit(order), goods(shelves(A=4)))
    assert isinstance(outcome, Waiting)
    assert outcome.keys == ("stock:A",)
    assert without_waiting(outcome) == ()


@pytest.mark.requirement("WHS-07")
def test_what_nothing_has_reserved_before_is_reserved_first() -> None:
    order = ordered(("A", 5))
    stock = goods(shelves(A=5))
    effect = prepared(prepare(a_visit(order), stock))
    assert effect.fresh == [Pick(1, "A", "MAIN", 5)]
    assert effect.packages == (Packages(1, 1, CARTON, 0, (Content(1, "A", 5),)),)
    stock.absorb(effect)
    assert stock.shelves.available == {"A": {"MAIN": 0}}


@pytest.mark.requirement("WHS-08")
@pytest.mark.parametrize(
    ("held", "code"),
    [
        (Pick(1, "B", "N", 5), "pick.product_differs"),
        (Pick(2, "A", "N", 5), "pick.product_differs"),
        (Pick(1, "A", "N", 6), "pick.quantity_differs"),
    ],
)
def test_goods_that_differ_from_the_order_are_refused(held: Pick, code: str) -> None:
    order = ordered(("A", 5))
    stock = goods(shelves(A=9, B=9), {order.id: [held]})
    outcome = prepare(a_visit(order), stock)
    assert isinstance(outcome, Referred)
    assert [each.code for each in outcome.findings] == [code]
    assert outcome.effects == ()
    with pytest.raises(Unworkable):
        prepare(a_visit(order, agreed=True), stock)


@pytest.mark.requirement("WHS-10")
def test_goods_that_a_person_must_inspect_wait_for_their_agreement() -> None:
    order = ordered(("A", 2), ("B", 1))
    held = [Pick(1, "A", "N", 2), Pick(2, "B", "N", 1)]
    outcome = prepare(a_visit(order), goods(shelves(), {order.id: held}, {("A", "N"): PERSON}))
    assert isinstance(outcome, Referred)
    assert findings(outcome) == [("inspection.required", "A", {"line": 1, "location": "N", "quantity": 2})]
    assert prepared(outcome).inspector == PERSON


@pytest.mark.requirement("WHS-10")
def test_failed_goods_are_blocked_and_replaced_once_a_person_agrees() -> None:
    order = ordered(("A", 5), ("B", 1))
    held = [Pick(1, "A", "BAD", 4), Pick(1, "A", "GOOD", 1), Pick(2, "B", "N", 1)]
    stock = goods(shelves(A={"GOOD": 4}), {order.id: held}, {("A", "BAD"): FAILED})
    asked = prepare(a_visit(order), stock)
    assert isinstance(asked, Referred)
    assert findings(asked) == [("inspection.failed", "A", {"line": 1, "location": "BAD", "quantity": 4})]
    assert asked.effects == ()
    agreed = prepare(a_visit(order, agreed=True), stock)
    assert isinstance(agreed, Referred)
    assert findings(agreed) == findings(asked)
    assert agreed.effects[0] == Rejected(order.id, NOW, [held[0]])
    effect = prepared(agreed)
    assert effect.packages == (Packages(1, 1, CARTON, 0, (Content(1, "A", 5), Content(2, "B", 1))),)
    assert effect.fresh == [Pick(1, "A", "GOOD", 4)]


@pytest.mark.requirement("WHS-10", "WHS-04")
def test_failed_goods_without_a_replacement_make_the_order_wait_and_keep_the_rest() -> None:
    order = ordered(("A", 5), ("B", 1))
    held = [Pick(1, "A", "BAD", 4), Pick(1, "A", "GOOD", 1), Pick(2, "B", "N", 1)]
    stock = goods(shelves(A={"GOOD": 3}), {order.id: held}, {("A", "BAD"): FAILED})
    outcome = prepare(a_visit(order, agreed=True), stock)
    assert isinstance(outcome, Waiting)
    assert outcome.keys == ("stock:A",)
    assert without_waiting(outcome) == (Rejected(order.id, NOW, [held[0]]),)
    assert findings(outcome) == [("stock.short", "A", {"needed": 4, "available": 3, "short_by": 1})]
    # The goods have come.
    later = prepare(a_visit(order), goods(shelves(A={"GOOD": 4}), {order.id: held[1:]}))
    assert isinstance(later, Passed)
    assert prepared(later).fresh == [Pick(1, "A", "GOOD", 4)]


@pytest.mark.parametrize("value", [0, -5, "20000", True])
def test_the_package_limit_must_be_a_positive_whole_number(value: Value) -> None:
    order = ordered(("A", 1))
    with pytest.raises(Unworkable, match="package_max_grams"):
        prepare(a_visit(order, {"package_max_grams": value}), goods(shelves(A=1)))


# -- packing -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-09")
@pytest.mark.parametrize(
    ("quantity", "weight", "expected"),
    [
        (10, 100, [(1, 1, CARTON, 1_000, 10)]),
        (11, 100, [(1, 1, CARTON, 1_000, 10), (2, 2, CARTON, 100, 1)]),
        (35, 100, [(1, 1, CARTON, 1_000, 10), (2, 3, CARTON, 1_000, 10), (4, 4, CARTON, 500, 5)]),
        (2, 1_000, [(1, 1, CARTON, 1_000, 1), (2, 2, CARTON, 1_000, 1)]),
        (2, 1_001, [(1, 2, CRATE, 1_001, 1)]),
        (3, 600, [(1, 1, CARTON, 600, 1), (2, 3, CARTON, 600, 1)]),
        (1_000_000, 0, [(1, 1, CARTON, 0, 1_000_000)]),
    ],
)
def test_a_carton_is_filled_to_its_limit_and_not_beyond(
    quantity: int, weight: int, expected: list[tuple[int, int, str, int, int]]
) -> None:
    packages = pack([Pick(1, "A", "N", quantity)], {"A": weight}, 1_000)
    assert [(p.first, p.last, p.material, p.weight_grams, p.contents[0].quantity) for p in packages] == expected


@pytest.mark.requirement("WHS-09")
def test_lines_share_cartons() -> None:
    picks = [Pick(1, "A", "N", 3), Pick(1, "A", "S", 1), Pick(2, "BIG", "N", 1), Pick(3, "B", "N", 3)]
    assert pack(picks, {"A": 100, "BIG": 2_000, "B": 300}, 1_000) == (
        Packages(1, 1, CRATE, 2_000, (Content(2, "BIG", 1),)),
        Packages(2, 2, CARTON, 1_000, (Content(1, "A", 4), Content(3, "B", 2))),
        Packages(3, 3, CARTON, 300, (Content(3, "B", 1),)),
    )


@pytest.mark.requirement("WHS-09")
@given(
    lines=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 1_300)), min_size=1, max_size=8),
    limit=st.integers(1, 1_000),
)
def test_the_packing_list_holds_exactly_what_was_picked(lines: list[tuple[int, int]], limit: int) -> None:
    picks = [Pick(number, f"P{number}", "N", quantity) for number, (quantity, _) in enumerate(lines, 1)]
    weights = {f"P{number}": weight for number, (_, weight) in enumerate(lines, 1)}
    packages = pack(picks, weights, limit)
    packed: dict[int, int] = {}
    following = 1
    for package in packages:
        assert package.first == following
        assert package.last >= package.first
        following = package.last + 1
        weight = sum(weights[content.product] * content.quantity for content in package.contents)
        assert package.weight_grams == weight
        assert weight <= limit or (package.material == CRATE and [c.quantity for c in package.contents] == [1])
        for content in package.contents:
            assert content.quantity > 0
            packed[content.line] = packed.get(content.line, 0) + content.quantity * (package.last - package.first + 1)
        assert len({content.line for content in package.contents}) == len(package.contents)
    assert packed == {pick.line: pick.quantity for pick in picks}
    assert len(packages) <= 3 * len(lines)


# -- the stock file ----------------------------------------------------------------------------------------------------


def test_a_line_of_the_stock_file_reads_text() -> None:
    row = StockRow.model_validate({"product": "P001", "on_hand": "7", "blocked": "7"})
    assert (row.product, row.location, row.on_hand, row.blocked, row.inspection) == ("P001", "MAIN", 7, 7, "routine")


@pytest.mark.parametrize(
    "changes",
    [
        {"on_hand": "-1"},
        {"blocked": "-1"},
        {"blocked": "8"},
        {"on_hand": "1.5"},
        {"inspection": "maybe"},
        {"shelf": "1"},
    ],
)
def test_counts_that_cannot_be_are_errors_of_their_field(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        StockRow.model_validate({"product": "P001", "location": "MAIN", "on_hand": "7", "blocked": "0"} | changes)
