"""Customers by importance (ABC分类, CRM-01)."""

from collections.abc import Mapping

BASIS_POINTS = 10_000


def classify(sales: Mapping[str, int], cutoffs: tuple[int, int]) -> dict[str, str]:
    """The class of each customer. They come by their sales, the greatest first, ties by code: A while the share of
    those before is under the first cut-off, B under the second, else C. Sales in minor units of one currency, cut-offs
    in basis points. Without any sales everybody is C.
    """
    total = sum(sales.values())
    classes, before = {}, 0
    for code, amount in sorted(sales.items(), key=lambda each: (-each[1], each[0])):
        share = before * BASIS_POINTS
        classes[code] = "A" if share < cutoffs[0] * total else "B" if share < cutoffs[1] * total else "C"
        before += amount
    return classes
