"""The simulated workshop and suppliers: plans are confirmed, then made in full; what was bought is delivered."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from messages.commands import Fact
from messages.facts.warehouse import ProductionConfirmed, ProductionFinished, PurchaseReceived
from workers.demo.scene import OpenPlan

WORKSHOP = "simulated-workshop"


def made(plan: OpenPlan, at: datetime) -> Iterator[Fact]:
    """Who has not confirmed yet does; then all of it is made, and passes its inspection."""
    for person in plan.to_confirm:
        yield ProductionConfirmed(plan=plan.number, by=person, **_head(f"{plan.number}-{person}", at))
    if not plan.to_confirm and plan.inspector:
        head = _head(f"{plan.number}-finished", at)
        yield ProductionFinished(plan=plan.number, by=plan.inspector, good=plan.quantity, **head)


def delivered(purchase: str, quantity: int, at: datetime) -> Fact:
    """All that is open of a purchase comes."""
    return PurchaseReceived(purchase=purchase, quantity=quantity, **_head(f"{purchase}-{quantity}", at))


def _head(fact_id: str, at: datetime) -> dict[str, Any]:
    return {"source": WORKSHOP, "fact_id": fact_id, "occurred_at": at}
