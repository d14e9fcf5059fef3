"""Contract review (合同评审), pure: what a contract must say, what reviewers are shown, and when it may be signed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter

from messages.contracts import OBLIGATIONS, TERMS, Obligation, SalesContract
from messages.orders import Line, Order
from shared.department import Finding, Outcome, Passed, Referred, Returned, Visit, Waiting, finding
from workers.compliance.names_rules import comparable
from workers.compliance.rules import Rulebook, screen_parties

ELEMENT_NAMES: Mapping[str, str] = {
    "parties": "主体",
    "subject": "标的",
    "quantity": "数量",
    "quality": "质量",
    "price": "价款",
    "period": "履行期限",
    "liability": "违约责任",
}
_KIND_NAMES = {"delivery": "交货", "payment": "付款", "warranty": "保修"}


def contract_of(visit: Visit) -> SalesContract:
    """The contract that the visit is about. Raises TypeError for an order: its definition would not have loaded it."""
    if isinstance(visit.document, SalesContract):
        return visit.document
    raise TypeError(f"{visit.document.number} is no contract")


# -- preliminary check -------------------------------------------------------------------------------------------------


def preliminary(contract: SalesContract, book: Rulebook, near_percent: int) -> Outcome:
    """初步审核 (CMP-03): what a contract lacks is listed and sends it back to who registered it, before any department
    sees it. Its parties are screened (CMP-01); a hit needs a person.
    """
    missing = [*_missing_elements(contract), *_missing_obligations(contract)]
    if missing:
        return Returned(tuple(missing))
    parties = [(each.code, (each.name,)) for each in (contract.seller, contract.customer)]
    hits = screen_parties(book, parties, near_percent)
    return Referred(tuple(hits)) if hits else Passed(basis={"rules_checked": book.size})


def _missing_elements(contract: SalesContract) -> Iterator[Finding]:
    for element, name in ELEMENT_NAMES.items():
        if not getattr(contract.elements, element).strip():
            yield finding("contract.element_missing", element, name_zh=name)


def _missing_obligations(contract: SalesContract) -> Iterator[Finding]:
    """Without a day for delivery and one for payment nobody could see to it that it is performed (CMP-11)."""
    given = {each.kind for each in contract.obligations}
    for kind in OBLIGATIONS:
        if kind not in given:
            yield finding("contract.obligation_missing", kind, name_zh=_KIND_NAMES[kind])


# -- legal review, leader ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reviewer said of this version: agreed, or what to change in which clause."""

    step: str
    by: str
    agreed: bool
    said: str
    clause: str
    change: str


def review(opinions: Sequence[Opinion]) -> Outcome:
    """法律审核, 领导审批 (CMP-04, CMP-06): the person decides with every opinion before them."""
    return Referred(tuple(map(_shown, opinions))) if opinions else Passed()


def _shown(opinion: Opinion) -> Finding:
    if opinion.agreed:
        return finding("opinion.agreed", opinion.step, by=opinion.by, said=opinion.said)
    words = {"said": opinion.said, "clause": opinion.clause, "change": opinion.change}
    return finding("opinion.change", opinion.step, by=opinion.by, **words)


# -- signing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """签字盖章, as it was reported for the round that it is for."""

    signing_head: str
    seal: str
    signed_on: date


def sign(visit: Visit, signature: Signature | None) -> Outcome:
    """合同签订 (CMP-08): waits until the signatures are reported."""
    if signature is None:
        return Waiting((f"signed:{visit.document.id}",))
    basis = {"signing_head": signature.signing_head, "seal": signature.seal}
    return Passed(basis=basis | {"signed_on": signature.signed_on.isoformat()})


@dataclass(frozen=True, slots=True)
class Signing:
    """What signing rests on. `order` and `order_approved` where the contract is for one."""

    contract: SalesContract
    state: str
    counterparty_checked: bool
    already_signed: bool
    order: Order | None
    order_approved: bool


def refused(signing: Signing, signed_on: date, today: date) -> tuple[Finding, ...]:
    """Why a contract may not be signed; nothing where it may (CMP-08, CMP-09).

    Not before the leader's approval, nor before the other side's reputation and strength were looked into. One for an
    order needs the order approved, all terms, and the order's parties, goods, quantity and price.
    """
    contract = signing.contract
    found = []
    if signing.already_signed:
        return (finding("contract.signed_already", contract.number),)
    if signing.state != "approved":
        found.append(finding("contract.not_approved", contract.number, state=signing.state))
    if not signing.counterparty_checked:
        found.append(finding("contract.counterparty_unchecked", contract.number))
    if signed_on > today:
        found.append(finding("contract.in_the_future", contract.number, day=signed_on.isoformat()))
    if contract.order is not None:
        found += _missing_terms(contract)
        if signing.order is None or not signing.order_approved:
            found.append(finding("contract.order_not_approved", contract.number, order=contract.order))
        if signing.order is not None:
            found += differences(contract, signing.order)
    return tuple(found)


def signed_for(order: Order, signed: Sequence[tuple[SalesContract, date]]) -> Outcome:
    """The order goes on once a contract is signed that says the same as the order does today (CMP-09)."""
    differing: tuple[Finding, ...] = ()
    for contract, signed_on in signed:
        found = differences(contract, order)
        if not found:
            return Passed(basis={"contract": contract.number, "signed_on": signed_on.isoformat()})
        differing = tuple(found)
    return Waiting((contract_key(order.id),), findings=differing)


def contract_key(order_id: str) -> str:
    """What an order waits for until its contract is signed."""
    return f"contract:{order_id}"


def _missing_terms(contract: SalesContract) -> Iterator[Finding]:
    for term in TERMS:
        if not getattr(contract.terms, term).strip():
            yield finding("contract.term_missing", term, name_zh=_KIND_NAMES[term])


def differences(contract: SalesContract, order: Order) -> list[Finding]:
    """Parties, goods, quantity and price of the contract that are not the order's, field by field (CMP-09).

    The goods are compared by product: how many altogether, at which prices and discounts.
    """
    found = []

    def compare(field: str, ours: str | int, theirs: str | int) -> None:
        if ours != theirs:
            found.append(finding("contract.differs", field, contract=ours, order=theirs))

    compare("buyer.code", contract.customer.code, order.customer.code)
    if comparable(contract.customer.name) != comparable(order.customer.name):
        compare("buyer.name", contract.customer.name, order.customer.name)
    compare("currency", contract.currency, order.currency)
    ours, theirs = _goods(contract.lines), _goods(order.lines)
    compare("goods", ", ".join(ours), ", ".join(theirs))
    for product in [product for product in ours if product in theirs]:
        compare(f"quantity of {product}", ours[product][0], theirs[product][0])
        compare(f"price of {product}", ours[product][1], theirs[product][1])
    compare("total_minor", contract.total_minor, order.total_minor)
    return found


def _goods(lines: Sequence[Line]) -> dict[str, tuple[int, str]]:
    """By product: how many, and at which prices (minor units, with the discount in basis points)."""
    goods = {}
    ordered = sorted(lines, key=attrgetter("product"))
    for product, same in groupby(ordered, key=attrgetter("product")):
        of_it = list(same)
        prices = sorted({(line.unit_price_minor, line.discount_basis_points) for line in of_it})
        shown = ", ".join([f"{price} -{discount}" if discount else f"{price}" for price, discount in prices])
        goods[product] = (sum([line.quantity for line in of_it]), shown)
    return goods


# -- performance -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Archived:
    """Effect: the contract is filed (归档), and its obligations are followed from now on (CMP-10, CMP-11)."""

    contract_id: str
    obligations: tuple[Obligation, ...]


def archive(contract: SalesContract) -> Outcome:
    """合同归档."""
    return Passed((Archived(contract.id, contract.obligations),), {"obligations": len(contract.obligations)})


def met(known: tuple[date | None] | None, number: str, obligation: int, met_on: date, today: date) -> Finding | None:
    """Why an obligation cannot be reported as met; None where it can, also once more on the same day.

    `known`: whether it was met already, and when; None where a signed contract has no such obligation.
    """
    if known is None:
        return finding("contract.obligation_unknown", number, obligation=obligation)
    if met_on > today:
        return finding("contract.in_the_future", number, day=met_on.isoformat())
    if known[0] is not None and known[0] != met_on:
        return finding("contract.obligation_met_already", number, obligation=obligation, met_on=known[0].isoformat())
    return None
