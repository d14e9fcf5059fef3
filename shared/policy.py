"""Policies: limits, thresholds, weights and deadlines as named, versioned, dated data, pinned on an order like its
definition (section 5 of the requirements). Amounts are minor units of `base_currency`; shares are basis points.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from messages.orders import PaymentMethod, SaleType
from shared.calendar import NO_OVERRIDES, Deadline, Overrides, deadline
from shared.catalogue import Catalogue, DefinitionError, gather, read_folder, read_toml
from shared.conditions import Value
from shared.fields import Fields
from shared.roles import ROLES

FOLDER = Path(__file__).parent / "policies"
"""The policies that are shipped."""

WHOLE_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a company's figures. Orders are pinned to it by `key` when their round opens."""

    name: str
    version: int
    title: Mapping[str, str] = field(hash=False)
    """By language: "zh" and "en"."""
    effective_from: date
    base_currency: str
    rates: Mapping[str, Decimal] = field(hash=False)
    """What one unit of a currency is worth in the base currency, which is there as 1."""

    senior_threshold_minor: int
    """高价值订单: from this total on (reached means >=) senior management decides (APR-07)."""
    discount_limits_basis_points: Mapping[str, int] = field(hash=False)
    """The largest discount that a role may grant on a line (FIN-01); a role that is not there may grant none."""
    payment_methods: Mapping[str, tuple[str, ...]] = field(hash=False)
    """By sale type, the methods that may be used (FIN-02)."""
    longest_credit_days: Mapping[str, int] = field(hash=False)
    """By sale type, the longest payment terms in days after delivery (FIN-02)."""
    allowed_overdue_days: int
    """How long a receivable may be overdue before it counts against the customer (FIN-04)."""
    tax_rate_basis_points: int
    """Output tax (销项税) on the amount before tax (SET-03)."""

    high_risk_new_customer_minor: int
    """Above this total an order of a new customer is of high risk (FIN-03)."""
    high_risk_exposure_basis_points: int
    """Above this share of the credit limit, exposure with the order is of high risk (FIN-03)."""

    screening_near_percent: int
    """From this likeness on a party's name is near a restricted one, and a person looks at it (CMP-01)."""

    review_deadline: Deadline
    """How long a review may take before it is overdue (APR-12)."""
    purge_after: Deadline
    """How long a document may stay unreviewed before it is purged (APR-14)."""
    order_comment_after: Deadline
    """How long past its delivery date an unfinished order may go without a handling comment (APR-16)."""
    delivery_note_comment_after: Deadline
    """How long a delivery note may stay unshipped without a handling comment (LOG-04)."""
    approval_validity_days: int
    """有效期 of an approval (APR-11)."""
    inquiry_deadline: Deadline
    """How soon an inquiry is answered (INT-02)."""
    quotation_validity_days: int
    """How long a quotation may be accepted (INT-03)."""
    receipt_wait_days: int
    """How long after delivery the customer's confirmation is waited for (AFT-02)."""

    supplier_weights: Mapping[str, int] = field(hash=False)
    """quality, which weighs most, delivery, price, service; together 100 (SUP-05)."""
    class_cutoffs_basis_points: tuple[int, int]
    """Customers are of class A below the first share of sales, B below the second, else C (CRM-01)."""
    class_months: int
    """The sales of how many months the classes are made from (CRM-01)."""
    customer_review_months: int
    """After how many months a customer record must be looked at again (CRM-03)."""
    survey_scale: tuple[int, int]
    """Lowest and highest answer of the satisfaction questionnaire (AFT-08)."""

    @property
    def key(self) -> str:
        """Such as "standard@1"."""
        return f"{self.name}@{self.version}"

    def condition_values(self) -> Mapping[str, Value]:
        """The values that this policy gives to conditions (`shared.conditions.NAMES`)."""
        return {
            "senior_threshold": self.senior_threshold_minor,
            "new_customer_threshold": self.high_risk_new_customer_minor,
        }


def valid_until(approved_at: datetime, policy: Policy, overrides: Overrides = NO_OVERRIDES) -> datetime:
    """有效期: until when an approval may be used (APR-11)."""
    return deadline(approved_at, Deadline(policy.approval_validity_days, "day"), overrides)


def load(folder: Path = FOLDER) -> Catalogue[Policy]:
    """Every policy of a folder. Raises DefinitionError with every fault of every file."""
    return gather(read_folder(folder, parse))


def select(catalogue: Catalogue[Policy], on: date, name: str = "standard") -> Policy:
    """The newest version of a policy in force on that day. Raises DefinitionError where there is none."""
    policy = catalogue.effective(name, on)
    if policy is None:
        raise DefinitionError([f"{name}: no such policy in force on {on}; known are {', '.join(catalogue.names())}"])
    return policy


def parse(text: str, source_name: str) -> Policy:
    """The policy in a TOML text. Raises DefinitionError with every fault in it."""
    faults: list[str] = []
    fields = Fields(read_toml(text, source_name), source_name, faults)
    policy = _policy(fields)
    fields.refuse_others()
    if faults:
        raise DefinitionError(faults)
    return policy


def verify(policy: Policy, roles: Collection[str] = ROLES) -> list[str]:
    """What of the policy is not known here: its roles. Empty when all is well."""
    unknown = [role for role in policy.discount_limits_basis_points if role not in roles]
    return [f"{policy.key}: discount_limits_basis_points: unknown role '{role}'" for role in unknown]


def _policy(fields: Fields) -> Policy:
    base_currency = fields.text("base_currency")
    return Policy(
        name=fields.name("name"),
        version=fields.number("version", least=1),
        title=fields.title("title"),
        effective_from=fields.day("effective_from"),
        base_currency=base_currency,
        rates=_rates(fields, base_currency),
        senior_threshold_minor=fields.number("senior_threshold_minor"),
        discount_limits_basis_points=_numbers(fields, "discount_limits_basis_points", WHOLE_BASIS_POINTS),
        payment_methods=_payment_methods(fields),
        longest_credit_days=_numbers(fields, "longest_credit_days", 999, tuple(SaleType)),
        allowed_overdue_days=fields.number("allowed_overdue_days"),
        tax_rate_basis_points=fields.number("tax_rate_basis_points", most=WHOLE_BASIS_POINTS),
        high_risk_new_customer_minor=fields.number("high_risk_new_customer_minor"),
        high_risk_exposure_basis_points=fields.number("high_risk_exposure_basis_points", most=WHOLE_BASIS_POINTS),
        screening_near_percent=fields.number("screening_near_percent", least=50, most=100),
        review_deadline=fields.duration("review_deadline"),
        purge_after=fields.duration("purge_after"),
        order_comment_after=fields.duration("order_comment_after"),
        delivery_note_comment_after=fields.duration("delivery_note_comment_after"),
        approval_validity_days=fields.number("approval_validity_days", least=1),
        inquiry_deadline=fields.duration("inquiry_deadline")
        if fields.has("inquiry_deadline")
        else Deadline(1, "working_day"),
        quotation_validity_days=fields.number("quotation_validity_days", least=1),
        receipt_wait_days=fields.number("receipt_wait_days"),
        supplier_weights=_supplier_weights(fields),
        class_cutoffs_basis_points=fields.span("class_cutoffs_basis_points", WHOLE_BASIS_POINTS),
        class_months=fields.number("class_months", least=1),
        customer_review_months=fields.number("customer_review_months", least=1),
        survey_scale=fields.span("survey_scale", 100),
    )


def _rates(fields: Fields, base_currency: str) -> Mapping[str, Decimal]:
    table = fields.inner("rates")
    rates = {currency: table.decimal(currency) for currency in table.table}
    for currency in (base_currency, *rates):
        if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
            table.fault(f"'{currency}' is not a currency code such as CNY")
    if rates.get(base_currency, Decimal(1)) != 1:
        table.fault(f"'{base_currency}' is the base currency and is worth 1")
    return MappingProxyType({**rates, base_currency: Decimal(1)})


def _numbers(fields: Fields, key: str, most: int, words: tuple[str, ...] = ()) -> Mapping[str, int]:
    """A table of numbers; with `words`, exactly one for each of them."""
    table = fields.inner(key)
    numbers = {word: table.number(word, most=most) for word in words or table.table}
    table.refuse_others()
    return MappingProxyType(numbers)


def _payment_methods(fields: Fields) -> Mapping[str, tuple[str, ...]]:
    table = fields.inner("payment_methods")
    methods: dict[str, tuple[str, ...]] = {kind: table.texts(kind, tuple(PaymentMethod)) for kind in SaleType}
    table.refuse_others()
    return MappingProxyType(methods)


def _supplier_weights(fields: Fields) -> Mapping[str, int]:
    weights = _numbers(fields, "supplier_weights", 100, ("quality", "delivery", "price", "service"))
    if sum(weights.values()) != 100:
        fields.fault(f"'supplier_weights' make {sum(weights.values())} together and must make 100")
    if any(weights["quality"] <= weights[name] for name in ("delivery", "price", "service")):
        fields.fault("'supplier_weights': quality must weigh most")
    return weights
