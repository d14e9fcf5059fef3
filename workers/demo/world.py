"""The simulated outside world: customers pay, confirm, answer and cancel, suppliers deliver, carriers deliver.

Some do it in ways of their own, mistakes among them; a customer always does the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zlib import crc32

from messages.commands import Fact
from messages.facts.after_sales import ReceiptConfirmed, SurveyAnswered
from messages.facts.finance import PaymentReceived
from messages.facts.logistics import Delivered
from messages.facts.sales_review import CancellationRequested, CustomerAnswered
from messages.facts.warehouse import GoodsReceived
from messages.orders import PaymentMethod
from shared.money import from_minor
from workers.demo import paperwork, workshop
from workers.demo.habits import SIMULATED
from workers.demo.scene import Noted, Standstill

BANK, OTHER_BANK = "simulated-bank", "simulated-bank-2"
CARRIER, CUSTOMER, SUPPLIER = "simulated-carrier", "simulated-customer", "simulated-supplier"

MISSPELT = frozenset({"P117", "P119", "P121"})
"""Products whose supplier reports an arrival under a wrong code first."""

FIRST_PART_PERCENT = 60
ANSWERING_ONE_IN = 3
"""Every third order's questionnaire stays without an answer."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a customer, or whoever acts for it, does things. `says` is the same in words."""

    says: str
    pays: str = "in full"
    answers: str = ""
    cancels_at: str = ""
    wrong_tracking_first: bool = False


AS_USUAL = Way("付清货款，确认收货 pays in full, confirms receipt")

WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "C027": Way("先付 60 %,再付余款 pays 60 % first, then the rest", pays="in parts"),
        "C028": Way("同一笔款由两家银行各报两次 both banks report its payment twice", pays="reported twice"),
        "C029": Way("先付错币种 pays in the wrong currency first", pays="wrong currency first"),
        "C030": Way("先写错订单号 gives a wrong order number first", pays="wrong number first"),
        "C031": Way("先报金额 0 a payment of 0 is reported first", pays="nothing first"),
        "C032": Way("同一付款编号又报另一金额 its reference is reported again with another amount", pays="again"),
        "C033": Way("问卷先打 9 分 scores 9 on the questionnaire first", answers="off the scale"),
        "C034": Way("问卷答两次 answers the questionnaire twice", answers="twice"),
        "C035": Way("承运人先报错单号 its carrier reports a wrong number first", wrong_tracking_first=True),
        "C036": Way("发货后才要求取消 asks to cancel after shipment", cancels_at="delivered"),
        "C037": Way(
            "未付款先确认收货并答问卷，然后取消 confirms and answers too early, then cancels", cancels_at="payment"
        ),
        "C038": Way("缺货即取消 cancels when goods are short", cancels_at="stock"),
    }
)
"""The customers who do things in ways of their own."""


def react(standstill: Standstill) -> list[Fact]:
    """What the world reports about an order that waits for it, in this order; the same ids when asked again."""
    way = WAYS.get(standstill.customer, AS_USUAL)
    if way.cancels_at in standstill.awaits and standstill.tracking_number is None:
        return [*_too_early(standstill), _cancelled(standstill)]
    if way.cancels_at == "delivered" and "delivered" in standstill.awaits:
        return [_cancelled(standstill), *_delivered(standstill, way)]
    if standstill.plans and standstill.awaits & {"plan", "production", "stock"}:
        return [fact for plan in standstill.plans for fact in workshop.made(plan, standstill.since)]
    if "stock" in standstill.awaits:
        return [*_supplied(standstill)]
    if "payment" in standstill.awaits:
        return [*_paid(standstill, way), *(_answered(standstill, way) if standstill.step == "settle" else ())]
    if "delivered" in standstill.awaits:
        return [*_delivered(standstill, way)]
    asked = next((kind for kind in ANSWERS if kind in standstill.awaits), None)
    return [*ANSWERS[asked](standstill)] if asked else []


def _head(standstill: Standstill, source: str, fact_id: str) -> dict[str, Any]:
    return {"source": source, "fact_id": f"{standstill.order}-{fact_id}", "occurred_at": standstill.since}


# -- suppliers and carriers --------------------------------------------------------------------------------------------


def _supplied(standstill: Standstill) -> Iterator[Fact]:
    """Exactly what is short arrives."""
    when = f"{standstill.since:%H%M%S%f}"
    for finding in standstill.findings:
        if finding.subject in standstill.purchases:
            yield workshop.delivered(*standstill.purchases[finding.subject], standstill.since)
        elif finding.code == "stock.short":
            yield from _arrival(standstill, finding, when)


def _arrival(standstill: Standstill, finding: Noted, when: str) -> Iterator[Fact]:
    quantity = finding.values["short_by"]
    if finding.subject in MISSPELT:
        wrong = _head(standstill, SUPPLIER, f"{finding.subject}-misspelt")
        yield GoodsReceived(product=f"X{finding.subject}", quantity=quantity, **wrong)
    head = _head(standstill, SUPPLIER, f"{finding.subject}-{when}")
    yield GoodsReceived(product=finding.subject, quantity=quantity, **head)


def _delivered(standstill: Standstill, way: Way) -> Iterator[Fact]:
    if standstill.tracking_number is None:
        return
    if way.wrong_tracking_first:
        wrong = _head(standstill, CARRIER, "delivered-wrong")
        yield Delivered(order=standstill.order, tracking_number=f"{standstill.tracking_number}X", **wrong)
    head = _head(standstill, CARRIER, "delivered")
    yield Delivered(order=standstill.order, tracking_number=standstill.tracking_number, **head)
    if way.pays == "again":
        yield _payment(standstill, BANK, "again", "pay-0", standstill.due_minor + 100)


# -- customers and their banks -----------------------------------------------------------------------------------------


def _paid(standstill: Standstill, way: Way) -> Iterator[Fact]:
    """The rest of what is due; numbered by what has been paid before, so that each payment is made once."""
    name, missing = f"pay-{standstill.paid_minor}", standstill.due_minor - standstill.paid_minor
    other = "USD" if standstill.currency != "USD" else "CNY"
    match way.pays:
        case "in parts" if not standstill.paid_minor:
            yield _payment(standstill, BANK, name, name, missing * FIRST_PART_PERCENT // 100)
            return
        case "wrong currency first":
            yield _payment(standstill, BANK, "wrong-currency", "wrong-currency", missing, currency=other)
        case "wrong number first":
            yield _payment(standstill, BANK, "wrong-number", "wrong-number", missing, order="SO-20000101-000001")
        case "nothing first":
            yield _payment(standstill, BANK, "nothing", "nothing", 0)
        case "reported twice":
            yield _payment(standstill, BANK, name, name, missing)
            yield _payment(standstill, OTHER_BANK, name, name, missing)
    yield _payment(standstill, BANK, name, name, missing)


def _payment(
    standstill: Standstill, bank: str, fact: str, reference: str, amount_minor: int, **changes: str
) -> PaymentReceived:
    currency = changes.get("currency", standstill.currency)
    return PaymentReceived(
        reference=f"{standstill.order}-{reference}",
        order=changes.get("order", standstill.order),
        amount=from_minor(amount_minor, currency) if amount_minor else Decimal(0),
        currency=currency,
        method=PaymentMethod(standstill.method),
        **_head(standstill, bank, fact),
    )


def _confirmed(standstill: Standstill, remarks: str) -> Fact:
    name = "received" if remarks == "as delivered" else "received-too-early"
    return ReceiptConfirmed(order=standstill.order, remarks=remarks, **_head(standstill, CUSTOMER, name))


def _agreed_to(standstill: Standstill) -> Iterator[Fact]:
    head = _head(standstill, CUSTOMER, f"agreed-{standstill.round}")
    yield CustomerAnswered(order=standstill.order, answer="confirmed", by=SIMULATED, **head)


def _answered(standstill: Standstill, way: Way) -> Iterator[Fact]:
    """Whoever pays after delivery answers the questionnaire with the first payment, or never."""
    if standstill.paid_minor:
        return
    luck = crc32(standstill.external_id.encode())
    if way.answers == "off the scale":
        yield _score(standstill, "off-the-scale", 9)
    if way.answers == "twice":
        yield _score(standstill, "again", 4)
        yield _score(standstill, "answer", 4)
    elif way.answers or luck % ANSWERING_ONE_IN:
        yield _score(standstill, "answer", 3 + luck % 3)


def _score(standstill: Standstill, name: str, score: int) -> Fact:
    return SurveyAnswered(order=standstill.order, score=score, **_head(standstill, CUSTOMER, name))


def _too_early(standstill: Standstill) -> Iterator[Fact]:
    """Who cancels instead of paying has confirmed what never came, and judged it."""
    if "payment" in standstill.awaits:
        yield _confirmed(standstill, "too early")
        yield _score(standstill, "too-early", 3)


def _concluded(standstill: Standstill) -> Iterator[Fact]:
    """Where no contract comes about, the order is called off."""
    if standstill.contract is None:
        yield from paperwork.contract(standstill)
    elif standstill.contract == "returned":
        yield _cancelled(standstill)


def _cancelled(standstill: Standstill) -> Fact:
    reason = f"{SIMULATED}: 客户不要了 no longer wanted"
    return CancellationRequested(order=standstill.order, reason=reason, **_head(standstill, CUSTOMER, "cancel"))


def _received(standstill: Standstill) -> Iterator[Fact]:
    yield _confirmed(standstill, "as delivered")


ANSWERS: Mapping[str, Callable[[Standstill], Iterator[Fact]]] = MappingProxyType(
    {
        "entered": paperwork.entered,
        "handed_over": paperwork.handed_over,
        "contract": _concluded,
        "signed": paperwork.signed,
        "answer": _agreed_to,
        "receipt": _received,
        "promise": paperwork.promised,
    }
)
"""What is reported whatever the customer's ways, by what is waited for."""
