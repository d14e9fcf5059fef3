"""How an order is billed and settled (结算), pure. Amounts are minor units of the order's currency."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from messages.orders import Order, SaleType
from shared.department import Finding, Outcome, Passed, Referred, Unworkable, Visit, Waiting, finding
from shared.money import round_half_up
from workers.finance.rules import Receivable, credit_days, payment_basis, payment_key, receivable_of

_WHOLE = 10_000

AT_DELIVERY, AT_SETTLEMENT, AFTER_PAYMENT = "at_delivery", "at_settlement", "after_payment"
"""When the invoice is made (step option `invoice`, CF-08)."""


@dataclass(frozen=True, slots=True)
class InvoiceData:
    """To whom and where invoices of a customer go (开票信息)."""

    title: str = ""
    tax_number: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A part of an order that left by itself: what its goods cost, and on which lines they are."""

    note: str | None
    value_minor: int
    lines: frozenset[int] = frozenset()
    delivered_on: date | None = None
    billed: bool = False


@dataclass(frozen=True, slots=True)
class Deal:
    """One order at settlement: what came in for it, what has been delivered and billed. Amounts in its currency."""

    received_minor: int = 0
    paid_at: datetime | None = None
    method: str | None = None
    due_minor: int | None = None
    """Of its receivable; None: finance has not reviewed the order."""
    invoiced_minor: int | None = None
    """All invoices less red-letter ones; None: there is none."""
    shipped: bool = False
    note: str | None = None
    delivered_on: date | None = None
    deliveries: tuple[Delivery, ...] = ()
    """Where it left in parts, those, in their order."""
    contract_due: date | None = None
    """The last day of payment in its signed contract."""
    held: frozenset[int] = frozenset()
    """Lines with an open receipt exception (AFT-03)."""
    case_number: str = ""
    data: InvoiceData = InvoiceData()


@dataclass(frozen=True, slots=True)
class Billing:
    """Voucher (销售凭证) and invoice (发票) of an order: receivable = revenue + output tax (SET-03, SET-04)."""

    order_id: str
    order_number: str
    customer: str
    currency: str
    amount_minor: int
    tax_minor: int
    tax_basis_points: int
    data: InvoiceData
    due_date: date
    at: datetime
    note: str | None = None
    """The delivery note that it is over; None: the whole order."""
    mailed: "Mailed | None" = None

    @property
    def revenue_minor(self) -> int:
        return self.amount_minor - self.tax_minor


@dataclass(frozen=True, slots=True)
class Mailed:
    """The customer gets the invoice by letter (邮寄给客户), where the step says so."""

    order: Order
    round: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Deliveries, invoice and payments of the order agree (SET-08)."""

    order_id: str
    at: datetime


def settle(visit: Visit, deal: Deal, today: date) -> Outcome:
    """结算: bill the order, wait until it is paid, and settle it once delivery, invoice and payments agree.

    The step's option `invoice` says when it is billed: on reaching settlement (default; also what was to be billed at
    delivery and was not), or once it is paid. Agreeing that goods were delivered although no shipment is booked vouches
    for it; agreeing to missing invoice data makes the invoice out to name and address on the order, without tax number;
    agreeing to figures that differ settles them as they are. Payment is waited for in any case (SET-01, 03, 04, 08).
    """
    order = visit.order
    owed = order.total_minor
    paid = deal.received_minor >= owed
    basis = payment_basis(order, deal.received_minor, deal.paid_at, deal.method)
    billings = bill(visit, deal, today) if paid or _billed_at(visit) != AFTER_PAYMENT else ()
    invoiced = (deal.invoiced_minor or 0) + sum(billing.amount_minor for billing in billings)
    effects: tuple[Receivable | Billing | Settled, ...] = billings
    if deal.due_minor != owed:
        effects = (receivable_of(order, deal.received_minor), *billings)
    findings: list[Finding] = []
    if billings:
        findings = [*delivery_findings(visit, deal.shipped), *invoice_findings(order, deal.data)]
    elif paid and invoiced != owed and not deal.held:
        findings = [_differs(order, owed, invoiced, deal.received_minor)]
    settles = paid and not deal.held
    if findings and (settles or not visit.agreed):
        return Referred(tuple(findings), (*effects, Settled(order.id, visit.now)) if settles else effects, basis)
    if not settles:
        keys = (*(() if paid else (payment_key(order.id),)), *((case_key(order.id),) if deal.held else ()))
        held = [finding("settlement.held", deal.case_number, lines=_listed(deal.held))] if deal.held else []
        return Waiting(keys, findings=(*findings, *held), effects=effects, basis=basis)
    return Passed((*effects, Settled(order.id, visit.now)), basis)


def case_key(order_id: str) -> str:
    """What an order waits for until one of its cases is closed; after-sales wakes it."""
    return f"case:{order_id}"


def invoice(visit: Visit, deal: Deal, today: date) -> Outcome:
    """开票: bill the order before its goods leave, so that the invoice goes with them (SET-04). Due as by its terms,
    counted from today. Agreeing to missing invoice data makes it out to name and address on the order.
    """
    if deal.invoiced_minor is not None:
        return Passed()
    owes = deal.due_minor == visit.order.total_minor
    effects = (*(() if owes else (receivable_of(visit.order, deal.received_minor),)), *bill(visit, deal, today))
    findings = tuple(invoice_findings(visit.order, deal.data))
    return Referred(findings, effects) if findings else Passed(effects)


def delivery_findings(visit: Visit, shipped: bool) -> Iterator[Finding]:
    """Only what is delivered is billed (SET-08). Asked where the definition ships goods, unless the step's option
    `before_delivery` says that it settles first.
    """
    if "logistics.ship" in visit.activities and not shipped and visit.options.get("before_delivery") is not True:
        order = visit.order
        yield finding("settlement.not_delivered", open_minor=order.total_minor, currency=order.currency)


def invoice_findings(order: Order, data: InvoiceData) -> Iterator[Finding]:
    """Invoice data must be complete (SET-04). A tax number is needed for domestic customers only."""
    if not data.title.strip():
        yield finding("invoice.no_title", order.customer.code)
    if not data.address.strip():
        yield finding("invoice.no_address", order.customer.code)
    if not data.tax_number.strip() and order.sale_type is SaleType.DOMESTIC:
        yield finding("invoice.no_tax_number", order.customer.code)


def bill(visit: Visit, deal: Deal, today: date) -> tuple[Billing, ...]:
    """Voucher and invoice for every delivery that has none, over what is owed for it with output tax (价税合计).

    Amounts and taxes of the parts of an order add up to those of the whole. What lies in a held delivery is not billed.

    Due when its signed contract says, else so many days after delivery as the terms say (SET-07); where no delivery is
    reported, after today.
    """
    order, rate = visit.order, visit.policy.tax_rate_basis_points
    data = InvoiceData(
        deal.data.title.strip() or order.customer.name,
        deal.data.tax_number.strip(),
        deal.data.address.strip() or order.delivery.address,
    )
    mailed = Mailed(order, visit.round) if visit.options.get("mail_invoice") is True else None
    credit = timedelta(days=credit_days(order.payment.terms))
    billings = []
    for before, upto, delivery in _shares(order, deal):
        if delivery.billed or (deal.held and (delivery.lines & deal.held or not delivery.lines)):
            continue
        billing = Billing(
            order.id,
            order.number,
            order.customer.code,
            order.currency,
            upto - before,
            output_tax(upto, rate) - output_tax(before, rate),
            rate,
            data,
            deal.contract_due or (delivery.delivered_on or today) + credit,
            visit.now,
            delivery.note,
            mailed,
        )
        billings.append(billing)
    return tuple(billings)


def _shares(order: Order, deal: Deal) -> Iterator[tuple[int, int, Delivery]]:
    """Each delivery with what is owed for the order before it and with it; the last one takes what is left."""
    if not deal.deliveries:
        billed = deal.invoiced_minor is not None
        whole = Delivery(deal.note, order.total_minor, frozenset(), deal.delivered_on, billed)
        yield 0, order.total_minor, whole
        return
    owed, before = order.total_minor, 0
    for delivery in deal.deliveries[:-1]:
        upto = min(before + delivery.value_minor, owed)
        yield before, upto, delivery
        before = upto
    yield before, owed, deal.deliveries[-1]


def _listed(lines: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(lines)))


def output_tax(amount_minor: int, rate_basis_points: int) -> int:
    """销项税 contained in an amount with tax, half up: 13.00 of 113.00 at 13 %."""
    return round_half_up(amount_minor * rate_basis_points, _WHOLE + rate_basis_points)


def _billed_at(visit: Visit) -> str:
    option = visit.options.get("invoice", AT_SETTLEMENT)
    if option not in (AT_DELIVERY, AT_SETTLEMENT, AFTER_PAYMENT):
        raise Unworkable(f"step {visit.step}: option invoice is {option!r}")
    return str(option)


def _differs(order: Order, owed_minor: int, invoiced_minor: int, received_minor: int) -> Finding:
    return finding(
        "settlement.differs",
        delivered_minor=owed_minor,
        invoiced_minor=invoiced_minor,
        paid_minor=received_minor,
        currency=order.currency,
    )
