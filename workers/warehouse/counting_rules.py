"""Stock-taking (库存盘点, WHS-06): what a count changes, and why it may not. Pure. Quantities are pieces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.department import Finding, finding

Place = tuple[str, str]
"""Product and location."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A count as it stands in the books. `differences`: pieces found more (or fewer) than the books had then, by place,
    where there are any.
    """

    number: str
    counted_by: str
    closed: bool
    differences: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Level:
    """What a place has now."""

    on_hand: int
    reserved: int
    blocked: int


def refuse_sheet(number: str, known: Iterable[str], places: Iterable[Place], products: Iterable[str]) -> list[Finding]:
    """Why a sheet is not taken: its number was used before, or it names products that nobody knows."""
    if number in {*known}:
        return [finding("count.taken_already", number)]
    strange = {product for product, _ in places} - {*products}
    return [finding("stock.unknown_product", product) for product in sorted(strange)]


def refuse_decision(
    sheet: Sheet | None, number: str, person: str, approve: bool, levels: Mapping[Place, Level]
) -> list[Finding]:
    """Why a count is not decided: by whoever counted, a second time, or where fewer pieces would be left than are
    reserved or blocked. The difference counts, not the figure on the sheet: what moved since then stays moved.
    """
    if sheet is None:
        return [finding("count.unknown", number)]
    if sheet.closed:
        return [finding("count.closed", number)]
    if person == sheet.counted_by:
        return [finding("count.own", number, by=person)]
    if not approve:
        return []
    reasons = []
    for place, difference in sorted(sheet.differences.items()):
        level = levels[place]
        left = level.on_hand + difference
        if left < level.reserved + level.blocked:
            held = {"reserved": level.reserved, "blocked": level.blocked}
            reasons.append(finding("count.too_few_left", place[0], location=place[1], left=left, **held))
    return reasons
