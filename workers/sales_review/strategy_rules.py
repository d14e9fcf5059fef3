"""Market strategy (市场策略, SAL-07) and the preliminary look at what compliance restricts (初步合规, SAL-03), pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from messages.orders import Line, Order
from shared.department import Finding, Outcome, Passed, Referred, finding

_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Restriction:
    """A rule of compliance. `value`: a code, or for regions and parties a part of the name."""

    code: str
    kind: str
    value: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A rule of market strategy. What is None holds for everything. `least_price_basis_points`: the smallest share of
    the list price that a product may be sold at, after discount; None: it is not sold there at all.
    """

    code: str
    customer_class: str | None
    category: str | None
    country: str | None
    region: str | None
    least_price_basis_points: int | None
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Good:
    """A product to the market department: its category, and today's list price in the order's currency."""

    category: str
    listed_minor: int | None


def market(
    order: Order, strategies: Sequence[Strategy], restrictions: Sequence[Restriction], goods: Mapping[str, Good]
) -> Outcome:
    """市场部审批 (SAL-07): legality (合法性), then agreement with market strategy (市场策略的一致性).

    One finding for each rule and product, so that an agreement covers that rule on that product and no other.
    """
    basis = {"restrictions_checked": len(restrictions), "strategies_checked": len(strategies)}
    findings = [*restricted(order, restrictions, goods), *_off_strategy(order, strategies, goods)]
    return Referred(tuple(findings), basis=basis) if findings else Passed(basis=basis)


def restricted(order: Order, restrictions: Iterable[Restriction], goods: Mapping[str, Good]) -> Iterator[Finding]:
    """What compliance will object to (初步合规性检查), each rule by its name; compliance itself decides later."""
    products = {line.product for line in order.lines}
    words = {
        "product": [_normal(code) for code in products],
        "category": [_normal(goods[code].category) for code in products if code in goods],
        "country": [_normal(order.delivery.country)],
        "region": [_normal(order.delivery.region)],
        "party": [_normal(order.customer.code), _normal(order.customer.name)],
    }
    for rule in restrictions:
        value = _normal(rule.value)
        partly = rule.kind in ("region", "party")
        if any(value in word if partly else value == word for word in words[rule.kind]):
            yield finding("restricted.preliminary", rule.code, name_zh=rule.name_zh, name_en=rule.name_en)


def _off_strategy(order: Order, strategies: Sequence[Strategy], goods: Mapping[str, Good]) -> Iterator[Finding]:
    for rule in strategies:
        for line in order.lines:
            good = goods.get(line.product)
            if good is None or not _concerns(rule, order, good):
                continue
            if rule.least_price_basis_points is None:
                yield finding("strategy.not_sold", line.product, rule=rule.code, lines=str(line.number), **_names(rule))
            elif good.listed_minor is not None:
                yield from _below(order, line, rule, good.listed_minor, rule.least_price_basis_points)


def _below(order: Order, line: Line, rule: Strategy, listed: int, least_share: int) -> Iterator[Finding]:
    """The price after discount must reach the rule's share of the list price; reaching it exactly passes."""
    net = line.unit_price_minor * (_WHOLE - line.discount_basis_points)  # in 1/10000 of a minor unit
    if net < listed * least_share:
        yield finding(
            "strategy.below_price",
            line.product,
            rule=rule.code,
            lines=str(line.number),
            price_minor=net // _WHOLE,
            least_minor=-(-listed * least_share // _WHOLE),
            currency=order.currency,
            **_names(rule),
        )


def _concerns(rule: Strategy, order: Order, good: Good) -> bool:
    return (
        rule.customer_class in (None, order.customer_class)
        and rule.category in (None, good.category)
        and rule.country in (None, order.delivery.country)
        and rule.region in (None, order.delivery.region)
    )


def _names(rule: Strategy) -> dict[str, str]:
    return {"name_zh": rule.name_zh, "name_en": rule.name_en}


def _normal(text: str) -> str:
    """As texts are compared: neither case, nor full or half width, nor blanks make a difference."""
    return "".join(normalize("NFKC", text).casefold().split())
