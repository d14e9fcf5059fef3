"""What finance decides, pure: review of an order (财务审核), release, and whether a payment can be booked.

Amounts are minor units; shares are basis points. Figures that a rule compares stand in its findings, exact.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from messages.facts.finance import PaymentReceived
from messages.orders import Line, Order
from shared.department import Finding, Outcome, Passed, Referred, Returned, Value, Visit, Waiting, finding
from shared.money import MoneyError, convert, round_half_up, to_minor

PREPAID = "prepaid"
ASK_FOR_CREDIT = frozenset({"finance.review", "finance.credit"})
"""The activities that count an order as owed."""
_CREATOR = "salesperson"
"""Whose discount limit counts when nobody has agreed yet: an order is made by a salesperson (制单人)."""
_DISCOUNT = "discount.over_limit"
_WHOLE = 10_000
_LARGEST_MINOR = 10**17
"""More than any real payment, and sums of many still fit a bigint."""

# -- what the rules look at --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overdue:
    """The oldest unpaid receivable that is past its due date."""

    reference: str
    due_date: date


@dataclass(frozen=True, slots=True)
class Account:
    """What is agreed with a customer, and what they owe; limit and exposure in `currency`.

    The defaults are those of a customer without an account: limit 0, pays in advance, by any method of the policy.
    """

    customer: str
    currency: str
    limit_minor: int = 0
    exposure_minor: int = 0
    terms: Collection[str] = (PREPAID,)
    methods: Collection[str] = ()
    """Empty: all that the policy allows for the sale type."""
    hold_reason: str | None = None
    overdue: Overdue | None = None


@dataclass(frozen=True, slots=True)
class Agreements:
    """Who has agreed to an order in this round, at whatever step: the roles that they hold. `seen`: the findings, as
    (code, subject), that were agreed to at this step.
    """

    roles: frozenset[str] = frozenset()
    seen: frozenset[tuple[str, str]] = frozenset()


NOBODY = Agreements()


# -- what the rules bring about ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receivable:
    """What an order owes and has been paid, in its currency."""

    order_id: str
    number: str
    customer: str
    terms: str
    currency: str
    due_minor: int
    received_minor: int


@dataclass(frozen=True, slots=True)
class CreditHold:
    """Credit given to an order, in the account's currency. `change_minor` is what it adds to the exposure;
    `opens_account`: the customer has none yet.
    """

    order_id: str
    customer: str
    currency: str
    amount_minor: int
    open_minor: int
    change_minor: int
    at: datetime
    opens_account: bool = False


# -- review ------------------------------------------------------------------------------------------------------------


def review(
    visit: Visit,
    today: date,
    account: Account | None,
    listed: Mapping[str, int],
    received_minor: int = 0,
    held_minor: int = 0,
    agreements: Agreements = NOBODY,
) -> Outcome:
    """财务审核: price and discount (FIN-01), method and terms (FIN-02), risk (FIN-03) and credit (FIN-04).

    `listed`: today's list prices in the order's currency. `received_minor`: paid for this order already.
    `held_minor`: this order's own open hold, which the account's exposure contains. Agreeing gives the credit all the
    same; where no rate between order and account is known it cannot be counted, and is given without a hold.

    A discount is granted by somebody whose role may: where finance has agreed and nobody of that rank has, it is asked
    of them; until then the order does not pass, and what nobody may grant goes back.
    """
    order, policy = visit.order, visit.policy
    known = account or Account(order.customer.code, order.currency)
    findings = [*price_findings(order, listed, policy.discount_limits_basis_points, agreements.roles)]
    granted_by = _may_grant(findings)
    findings += payment_findings(order, known, policy.payment_methods, policy.longest_credit_days)
    asked = _credit(visit, today, account, received_minor, held_minor, policy.high_risk_exposure_basis_points)
    risks = [*_new_customer(visit), *asked.findings]
    findings += risks
    basis = asked.basis | {"risk": "high" if risks else "low"}
    effects = (receivable_of(order, received_minor), *asked.holds)
    if not findings:
        return Passed(effects, basis)
    basis["reasons"] = [each.code for each in risks]
    rest = {(each.code, each.subject) for each in findings if each.code != _DISCOUNT}
    if not visit.agreed or len(rest) == len(findings) or not rest <= agreements.seen:
        return Referred(tuple(findings), effects, basis)
    return Referred(tuple(findings), effects, basis, granted_by) if granted_by else Returned(tuple(findings), basis)


def credit(visit: Visit, today: date, account: Account | None, received_minor: int = 0, held_minor: int = 0) -> Outcome:
    """赊销: credit alone, by the same rule, where a definition has no review by finance (FIN-04, SAL-04).

    Whatever the process, what a customer owes is counted; an order paid in advance owes nothing here.
    """
    asked = _credit(visit, today, account, received_minor, held_minor, _WHOLE)
    effects = (receivable_of(visit.order, received_minor), *asked.holds) if asked.holds else ()
    return Referred(asked.findings, effects, asked.basis) if asked.findings else Passed(effects, asked.basis)


class _Asked(NamedTuple):
    findings: tuple[Finding, ...]
    holds: tuple[CreditHold, ...]
    basis: dict[str, Any]


def _credit(
    visit: Visit,
    today: date,
    account: Account | None,
    received_minor: int,
    held_minor: int,
    high_risk_basis_points: int,
) -> _Asked:
    """A hold on the account, and whether an order on credit terms fits its limit."""
    order = visit.order
    known = account or Account(order.customer.code, order.currency)
    findings: list[Finding] = []
    if known.hold_reason:
        findings.append(finding("credit.on_hold", order.customer.code, reason=known.hold_reason))
    if order.payment.terms == PREPAID:
        return _Asked(tuple(findings), (), {})
    late = overdue_findings(known, today, visit.policy.allowed_overdue_days)
    try:
        hold = _hold(visit, known, received_minor, held_minor, account is None)
    except MoneyError:
        findings.append(finding("credit.no_rate", currency=order.currency, account_currency=known.currency))
        return _Asked((*findings, *late), (), {})
    exposure = known.exposure_minor + hold.change_minor
    findings += credit_findings(known, exposure, high_risk_basis_points)
    basis = {"exposure_minor": exposure, "limit_minor": known.limit_minor, "currency": known.currency}
    return _Asked((*findings, *late), (hold,), basis)


def price_findings(
    order: Order, listed: Mapping[str, int], limits: Mapping[str, int], agreed: Collection[str]
) -> Iterator[Finding]:
    """Price and discount of every line against the price list and the limit of the granting role: the largest of the
    creator's and of those who have agreed (FIN-01). `limits`: basis points by role; a role without one grants none.

    What counts is the price after the line's discount: a unit price below the list is a discount too.
    """
    limit = max(limits.get(role, 0) for role in (_CREATOR, *agreed))
    for line in order.lines:
        price = listed.get(line.product)
        if price is None:
            yield finding("price.no_list_price", line.product, line=line.number, currency=order.currency)
            continue
        given = _given(line, price)
        if 0 <= given <= limit * price:
            continue
        figures: dict[str, Value] = {
            "price_minor": -(-_net(line) // _WHOLE),
            "listed_minor": price,
            "currency": order.currency,
        }
        if given < 0:
            yield finding("price.above_list", line.product, line=line.number, **figures)
            continue
        roles = " ".join(role for role, may in limits.items() if given <= may * price)
        figures |= {"limit_percent": percent(limit), "actual_percent": percent(-(-given // price)), "roles": roles}
        yield finding(_DISCOUNT, line.product, line=line.number, **figures)


def gives_discount(order: Order, listed: Mapping[str, int]) -> bool:
    """Whether any line is below its list price."""
    return any(_given(line, listed[line.product]) > 0 for line in order.lines if line.product in listed)


def _net(line: Line) -> int:
    """Unit price after discount, in 1/10000 of a minor unit."""
    return line.unit_price_minor * (_WHOLE - line.discount_basis_points)


def _given(line: Line, price: int) -> int:
    return price * _WHOLE - _net(line)


def _may_grant(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The roles that may grant every discount among the findings."""
    each = [str(one.values["roles"]).split() for one in findings if one.code == _DISCOUNT]
    return tuple(role for role in each[0] if all(role in roles for roles in each)) if each else ()


def payment_findings(
    order: Order, account: Account, methods: Mapping[str, Collection[str]], longest_days: Mapping[str, int]
) -> Iterator[Finding]:
    """Method and terms must be agreed with the customer and allowed for the sale type (FIN-02).

    Others are refused with the allowed ones named.
    """
    method, terms, kind = order.payment.method.value, order.payment.terms, order.sale_type
    if method not in methods[kind] or (account.methods and method not in account.methods):
        allowed = [each for each in methods[kind] if not account.methods or each in account.methods]
        yield finding("payment.method_not_allowed", method=method, allowed=", ".join(allowed) or "–")
    longest = longest_days[kind]
    if terms not in account.terms or credit_days(terms) > longest:
        allowed = [each for each in account.terms if credit_days(each) <= longest]
        yield finding("payment.terms_not_allowed", terms=terms, allowed=", ".join(allowed) or "–")


def _new_customer(visit: Visit) -> Iterator[Finding]:
    """A large order of a new customer is of high risk (FIN-03)."""
    order, policy = visit.order, visit.policy
    limit = policy.high_risk_new_customer_minor
    if order.new_customer and order.total_base_minor > limit:
        total, currency = order.total_base_minor, policy.base_currency
        yield finding("risk.new_customer", order.customer.code, total_minor=total, limit_minor=limit, currency=currency)


def credit_findings(account: Account, exposure_minor: int, high_risk_basis_points: int) -> Iterator[Finding]:
    """Exposure with this order stays within the limit, equality included (FIN-04).

    Within the limit but above the policy's share of it, the risk is high (FIN-03).
    """
    limit = account.limit_minor
    figures: dict[str, Value] = {"exposure_minor": exposure_minor, "limit_minor": limit, "currency": account.currency}
    if exposure_minor > limit:
        yield finding("credit.over_limit", account.customer, over_minor=exposure_minor - limit, **figures)
    elif exposure_minor * _WHOLE > limit * high_risk_basis_points:
        yield finding("risk.near_limit", account.customer, share_percent=percent(high_risk_basis_points), **figures)


def overdue_findings(account: Account, today: date, allowed_days: int) -> Iterator[Finding]:
    """No receivable may be overdue beyond the allowed days (FIN-04, SET-07)."""
    overdue = account.overdue
    if overdue is None:
        return
    days = (today - overdue.due_date).days
    if days > allowed_days:
        yield finding(
            "credit.overdue",
            account.customer,
            reference=overdue.reference,
            due_date=overdue.due_date.isoformat(),
            days=days,
            allowed_days=allowed_days,
        )


def receivable_of(order: Order, received_minor: int) -> Receivable:
    """The order's total as its receivable."""
    return Receivable(
        order.id,
        order.number,
        order.customer.code,
        order.payment.terms,
        order.currency,
        order.total_minor,
        received_minor,
    )


def _hold(visit: Visit, account: Account, received_minor: int, held_minor: int, opens_account: bool) -> CreditHold:
    order = visit.order
    amount = convert(order.total_minor, order.currency, account.currency, visit.policy.rates)
    still_open = open_part(amount, order.total_minor, received_minor)
    change = still_open - held_minor
    return CreditHold(
        order.id, account.customer, account.currency, amount, still_open, change, visit.now, opens_account
    )


def open_part(amount_minor: int, due_minor: int, received_minor: int) -> int:
    """What of a hold is still open: the unpaid share of the order, half up. Nothing once it is paid."""
    if received_minor <= 0 or due_minor == 0:
        return amount_minor if due_minor else 0
    return round_half_up(amount_minor * max(due_minor - received_minor, 0), due_minor)


def credit_days(terms: str) -> int:
    """Days after delivery: 30 for `net_30`, 0 for `prepaid`."""
    return 0 if terms == PREPAID else int(terms.removeprefix("net_"))


def percent(basis_points: int) -> str:
    """Basis points as people read them: 1250 is 12.50."""
    return f"{basis_points // 100}.{basis_points % 100:02}"


# -- release -----------------------------------------------------------------------------------------------------------


def release(order: Order, received_minor: int, due_minor: int | None) -> Outcome:
    """Prepaid orders wait until they are paid in full; credit terms need no payment first (FIN-05).

    `due_minor`: of the order's receivable. Where the payment is asked for before any review there is none yet, and the
    order owes its total from now on.
    """
    if order.payment.terms != PREPAID:
        return Passed(basis={"terms": order.payment.terms})
    basis = payment_basis(order, received_minor)
    effects = () if due_minor == order.total_minor else (receivable_of(order, received_minor),)
    if received_minor >= order.total_minor:
        return Passed(effects, basis)
    return Waiting((payment_key(order.id),), effects=effects, basis=basis)


def payment_key(order_id: str) -> str:
    """What an order waits for until money comes in."""
    return f"payment:{order_id}"


def payment_basis(
    order: Order, received_minor: int, paid_at: datetime | None = None, method: str | None = None
) -> dict[str, Any]:
    """收款确认: paid, part paid or unpaid, with amount, date and method of the last payment (SET-01)."""
    status = "paid" if received_minor >= order.total_minor else "part_paid" if received_minor else "unpaid"
    return {
        "payment": status,
        "received_minor": received_minor,
        "due_minor": order.total_minor,
        "currency": order.currency,
        "paid_at": paid_at,
        "method": method,
    }


# -- payments ----------------------------------------------------------------------------------------------------------


def payment_fault(payment: PaymentReceived, currency: str | None) -> Finding | None:
    """Why a payment cannot be booked: wrong currency for its order (None: no such order), or no proper amount."""
    figures: dict[str, Value] = {
        "reference": payment.reference,
        "amount": str(payment.amount),
        "currency": payment.currency,
    }
    if currency is not None and payment.currency != currency:
        return finding("payment.wrong_currency", payment.order, expected=currency, **figures)
    try:
        proper = 0 < to_minor(payment.amount, payment.currency) <= _LARGEST_MINOR
    except MoneyError:
        proper = False
    return None if proper else finding("payment.bad_amount", payment.order, **figures)


def repeat_fault(payment: PaymentReceived, booked: Iterable[object]) -> Finding | None:
    """A reference counts once. Said again with another order, amount or currency, it contradicts the first (SET-02)."""
    said = (payment.order, to_minor(payment.amount, payment.currency), payment.currency)
    if tuple(booked) == said:
        return None
    return finding("payment.reference_used", payment.order, reference=payment.reference)
