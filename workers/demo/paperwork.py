"""The simulated paperwork of an order: entered into the sales system, printed and handed over, its contract signed."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from messages.commands import Fact
from messages.contracts import ContractSubmitted, SubmittedElements, SubmittedObligation, SubmittedTerms
from messages.facts.compliance import ContractReceived, ContractSigned, CounterpartyChecked
from messages.facts.logistics import DateAnswered, DateProposed
from messages.facts.sales_review import EnteredOrder, OrderEntered, PaperHandedOver
from messages.orders import Order, Party, SubmittedLine
from shared.calendar import BUSINESS_ZONE
from shared.money import from_minor
from workers.demo.habits import SIMULATED
from workers.demo.scene import Standstill

SALES, CONTRACTS = "simulated-sales", "simulated-contracts"
DAYS_TO_PERFORM = 30
PARTIES = ("sales", "customer")


def entered(standstill: Standstill) -> Iterator[Fact]:
    """Exactly what was reviewed is entered."""
    order = standstill.document
    if order is not None:
        document = EnteredOrder(customer=order.customer.code, currency=order.currency, lines=_lines(order))
        head = _head(standstill, SALES, f"entered-{standstill.round}")
        yield OrderEntered(order=standstill.order, by=SALES, document=document, **head)


def handed_over(standstill: Standstill) -> Iterator[Fact]:
    """The print of an order or delivery note goes to finance."""
    head = _head(standstill, SALES, f"paper-{standstill.round}")
    yield PaperHandedOver(order=standstill.order, by=SALES, to="simulated-finance", **head)


def promised(standstill: Standstill) -> Iterator[Fact]:
    """Sales and customer confirm the delivery date; where none can be reckoned, sales propose one in a month."""
    by, day = standstill.salesperson, standstill.promised_on
    if day is None:
        later = standstill.since.astimezone(BUSINESS_ZONE).date() + timedelta(days=DAYS_TO_PERFORM)
        head = _head(standstill, SALES, f"proposed-{standstill.round}")
        yield DateProposed(order=standstill.order, by=by, promised_on=later, reason=SIMULATED, **head)
        return
    for party in PARTIES:
        head = _head(standstill, SALES, f"{party}-{day}")
        said = {"party": party, "answer": "confirmed", "promised_on": day}
        yield DateAnswered.model_validate({"order": standstill.order, "by": by, **said, **head})


def contract(standstill: Standstill) -> Iterator[Fact]:
    """A contract that says what the order says comes in, once."""
    order = standstill.document
    if order is None:
        return
    today = standstill.since.astimezone(BUSINESS_ZONE).date()
    due = today + timedelta(days=DAYS_TO_PERFORM)
    document = ContractSubmitted(
        dated=today,
        seller=Party(code="WE", name="东方贸易有限公司"),
        buyer=Party(code=order.customer.code, name=order.customer.name),
        text=f"买卖合同（{SIMULATED}），订单 {order.number}",
        sale_type=order.sale_type,
        currency=order.currency,
        lines=_lines(order),
        total=from_minor(order.total_minor, order.currency),
        order=order.number,
        elements=SubmittedElements(
            parties="见首部", subject="见明细", quantity="见明细", quality="国家标准", price="见合计",
            period=f"{DAYS_TO_PERFORM} 日", liability="每日千分之一",
        ),
        terms=SubmittedTerms(delivery="送货上门", payment=order.payment.terms, warranty="一年"),
        obligations=(
            SubmittedObligation(kind="delivery", what="交付全部货物", due=due),
            SubmittedObligation(kind="payment", what="付清货款", due=due + timedelta(days=DAYS_TO_PERFORM)),
        ),
    )  # fmt: skip
    head = _head(standstill, CONTRACTS, f"contract-{standstill.round}")
    yield ContractReceived(by=standstill.registrar, document=document, **head)


def signed(standstill: Standstill) -> Iterator[Fact]:
    """An approved contract: the other side is looked into, and once that is known both sign."""
    if not standstill.checked:
        good = f"{SIMULATED}: 良好 good"
        head = _head(standstill, CONTRACTS, f"checked-{standstill.round}")
        yield CounterpartyChecked(contract=standstill.order, by=CONTRACTS, reputation=good, strength=good, **head)
        return
    yield ContractSigned(
        contract=standstill.order,
        by=CONTRACTS,
        signing_head=SIMULATED,
        seal="合同专用章",
        signed_on=standstill.since.astimezone(BUSINESS_ZONE).date(),
        our_signature=SIMULATED,
        their_signature=SIMULATED,
        **_head(standstill, CONTRACTS, f"signed-{standstill.round}"),
    )


def _lines(order: Order) -> tuple[SubmittedLine, ...]:
    return tuple(
        SubmittedLine(
            product=line.product,
            quantity=line.quantity,
            unit_price=from_minor(line.unit_price_minor, order.currency),
            discount_percent=Decimal(line.discount_basis_points) / 100,
        )
        for line in order.lines
    )


def _head(standstill: Standstill, source: str, fact_id: str) -> dict[str, Any]:
    return {"source": source, "fact_id": f"{standstill.order}-{fact_id}", "occurred_at": standstill.since}
