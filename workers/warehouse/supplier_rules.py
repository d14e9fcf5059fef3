"""Which supplier is bought from (供应商选择, SUP-02…05). Pure and exact: scores are fractions from 0 to 100."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from shared.department import Finding, finding
from shared.money import MoneyError, convert, round_half_up

FULL = Fraction(100)
LEAST_COMPARED = 2
"""With fewer quotations to compare a person says why the supplier is chosen all the same (SUP-02)."""

HIGHEST_SCORE, LOWER_PRICE, ONLY_ONE = "highest_score", "lower_price", "only_one"
"""Why a supplier was chosen, where no person said it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What really came of buying from a supplier: receipts, how many of them late; pieces delivered, and how many of
    those failed their inspection or went back later (SUP-04).
    """

    receipts: int = 0
    late: int = 0
    delivered: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The latest quality evaluation (质量评估): passed or not, from 0 to 100."""

    passed: bool
    score: int


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier with its scores from 0 to 100: 生产能力, 交货准时, 物流协调; 售后, 技术支持, 解决问题 (SUP-04)."""

    code: str
    active: bool
    capacity: int
    punctuality: int
    coordination: int
    after_sales: int
    technical_support: int
    problem_solving: int
    evaluation: Evaluation | None = None
    record: Record = Record()

    def quality(self) -> Fraction:
        """产品质量: the evaluation, less the share of pieces that turned out bad."""
        score = Fraction(self.evaluation.score if self.evaluation else 0)
        if not self.record.delivered:
            return score
        return score * max(self.record.delivered - self.record.bad, 0) / self.record.delivered

    def delivery(self) -> Fraction:
        """交货能力: the mean of its parts; punctuality is what was seen, as soon as anything was."""
        seen = self.record
        punctual = FULL * (seen.receipts - seen.late) / seen.receipts if seen.receipts else Fraction(self.punctuality)
        return (self.capacity + punctual + self.coordination) / 3

    def service(self) -> Fraction:
        """服务支持: the mean of its parts."""
        return Fraction(self.after_sales + self.technical_support + self.problem_solving, 3)


@dataclass(frozen=True, slots=True)
class Quotation:
    """供应商报价: what a piece costs from `valid_from` to `valid_until`, from how many pieces on, and how many days
    after the order it arrives.
    """

    supplier: str
    product: str
    valid_from: date
    valid_until: date
    minimum_quantity: int
    lead_time_days: int
    currency: str
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Market:
    """Who offers what: quotations by product, and the suppliers that they are of, by code."""

    quotations: Mapping[str, Sequence[Quotation]]
    suppliers: Mapping[str, Supplier]


@dataclass(frozen=True, slots=True)
class Demand:
    """So many pieces of a product by a day."""

    product: str
    quantity: int
    needed_by: date


@dataclass(frozen=True, slots=True)
class Candidate:
    """A supplier that can be chosen. `cost_minor`: of the whole quantity in the base currency."""

    quotation: Quotation
    expected_on: date
    cost_minor: int
    quality: Fraction
    delivery: Fraction
    price: Fraction
    service: Fraction
    total: Fraction

    def as_data(self) -> dict[str, object]:
        """As it is kept with the choice; scores in hundredths of a point, rounded half up."""
        scores = {name: getattr(self, name) for name in ("quality", "delivery", "price", "service", "total")}
        rounded = {f"{name}_hundredths": hundredths(score) for name, score in scores.items()}
        return {"supplier": self.quotation.supplier, "cost_minor": self.cost_minor, **rounded}


@dataclass(frozen=True, slots=True)
class Comparison:
    """多家供应商报价比较: those who can be chosen, the best first, and why the others cannot."""

    candidates: Sequence[Candidate]
    excluded: Mapping[str, str]

    @property
    def too_few(self) -> bool:
        """Whether a person's reason is needed before the best is chosen (SUP-02)."""
        return len(self.candidates) < LEAST_COMPARED

    def reason(self, given: str = "") -> str:
        """Why the best one is the best: what a person said, or a code."""
        if given.strip():
            return given.strip()
        if self.too_few:
            return ONLY_ONE
        first, second = self.candidates[:2]
        return LOWER_PRICE if first.total == second.total else HIGHEST_SCORE

    def as_data(self) -> dict[str, object]:
        """As it is kept with the choice."""
        return {"candidates": [each.as_data() for each in self.candidates], "excluded": dict(self.excluded)}


def compare(
    demand: Demand,
    quotations: Iterable[Quotation],
    suppliers: Mapping[str, Supplier],
    today: date,
    weights: Mapping[str, int],
    rates: Mapping[str, Decimal],
    base_currency: str,
) -> Comparison:
    """Rank the quotations for a demand. A supplier without a passed evaluation (SUP-03), or that cannot deliver by the
    day (SUP-04), is excluded; of several quotations of one supplier the one that began last counts. The best has the
    highest weighted sum, ties go to the lower price, and then to the code (SUP-05).
    """
    latest = {
        each.supplier: each
        for each in sorted(quotations, key=lambda each: each.valid_from)
        if each.product == demand.product and each.valid_from <= today
    }
    excluded: dict[str, str] = {}
    costs: dict[str, int] = {}
    for code, quotation in latest.items():
        reason = _unfit(suppliers.get(code), quotation, demand, today)
        if reason is None:
            try:
                price_minor = quotation.unit_price_minor * demand.quantity
                costs[code] = convert(price_minor, quotation.currency, base_currency, rates)
            except MoneyError:
                reason = "no_rate"
        if reason:
            excluded[code] = reason
    lowest = min(costs.values(), default=0)
    found = [
        _candidate(latest[code], suppliers[code], today, cost, _price_score(lowest, cost), weights)
        for code, cost in costs.items()
    ]
    found.sort(key=lambda each: (-each.total, each.cost_minor, each.quotation.supplier))
    return Comparison(tuple(found), excluded)


def hundredths(score: Fraction) -> int:
    """A score as it is kept: 92.5 is 9250."""
    return round_half_up(score.numerator * 100, score.denominator)


def few_quotations(demand: Demand, comparison: Comparison) -> Finding:
    """A person must say why this supplier is chosen although there is nothing to compare it with (SUP-02)."""
    supplier = comparison.candidates[0].quotation.supplier
    return finding("supplier.few_quotations", demand.product, quantity=demand.quantity, supplier=supplier)


def _unfit(supplier: Supplier | None, quotation: Quotation, demand: Demand, today: date) -> str | None:
    if supplier is None or not supplier.active:
        return "inactive"
    if supplier.evaluation is None or not supplier.evaluation.passed:
        return "not_evaluated"
    if today > quotation.valid_until:
        return "expired"
    if demand.quantity < quotation.minimum_quantity:
        return "below_minimum"
    if today + timedelta(days=quotation.lead_time_days) > demand.needed_by:
        return "too_late"
    return None


def _price_score(lowest: int, cost: int) -> Fraction:
    """价格竞争力: lowest quote ÷ this quote × 100 (SUP-05)."""
    return FULL * lowest / cost if cost else FULL


def _candidate(
    quotation: Quotation, supplier: Supplier, today: date, cost: int, price: Fraction, weights: Mapping[str, int]
) -> Candidate:
    quality, delivery, service = supplier.quality(), supplier.delivery(), supplier.service()
    scores = {"quality": quality, "delivery": delivery, "price": price, "service": service}
    total = sum((weights[name] * score for name, score in scores.items()), Fraction(0)) / 100
    expected_on = today + timedelta(days=quotation.lead_time_days)
    return Candidate(quotation, expected_on, cost, quality, delivery, price, service, total)
