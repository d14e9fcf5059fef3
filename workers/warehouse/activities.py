"""What the warehouse can do with orders, and the facts that it books."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.approval import Approval
from shared.calendar import BUSINESS_ZONE
from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.warehouse import (
    arrivals,
    blocked,
    books,
    counting,
    plan_rules,
    preparation_books,
    preparation_rules,
    production_reports,
    purchasing,
    remedies,
    replenish_rules,
    returns,
    rules,
    sources,
    suppliers,
    supply,
)

warehouse = Department("warehouse")
warehouse.recorded(
    "stock_taking",  # 库存盘点
    "instruct",  # 下达备货指令
    "pack_materials",  # 准备包装材料
    "load",  # 装车
    "inspect",  # 质量检查
    "allocate",  # 产品的分配
)

warehouse.activity("approve")(Approval)


@dataclass(frozen=True, slots=True)
class Availability:
    """What a confirmation rests on: stock, and the business day."""

    shelves: rules.Shelves
    today: date

    def absorb(self, effect: object) -> None:
        """A confirmation takes nothing from the next order."""


def look_at_stock(session: Session, visits: Sequence[Visit]) -> Availability:
    """What is there, without a lock."""
    return Availability(books.read_shelves(session, visits), visits[0].now.astimezone(BUSINESS_ZONE).date())


@warehouse.activity("confirm", inputs=("lines", "requested_date"), look=look_at_stock)
class Confirm:
    """Stock confirmation (库存确认) without reserving (WHS-01, WHS-03)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> Availability:
        return look_at_stock(session, visits)

    def decide(self, visit: Visit, facts: Availability) -> Outcome:
        return rules.confirm(visit, facts.shelves, facts.today)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """A confirmation keeps nothing: its basis and findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A confirmation obtains nothing."""


@warehouse.activity("reserve")
class Reserve:
    """Reserve all lines of an order or none, and wait for what is short (WHS-02, WHS-04)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> replenish_rules.Stores:
        shelves, held = books.lock_shelves(session, visits)
        covered = [visit for visit in visits if replenish_rules.is_covered(visit)]
        return sources.read_stores(session, covered, shelves, held)

    def decide(self, visit: Visit, facts: replenish_rules.Stores) -> Outcome:
        if visit.order.id in facts.held or replenish_rules.is_covered(visit):
            return replenish_rules.reserve(visit, facts)
        return rules.reserve(visit, facts.shelves)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        books.save_reservations(session, effects)
        supply.save(session, effects)
        remedies.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        """Goods that were issued go back too, should that not have happened yet; orders short of them look again."""
        locked = books.lock_goods(session, visits)
        preparation_books.put_back(session, visits)
        supply.call_off(session, [visit for visit in visits if replenish_rules.is_covered(visit)])
        return books.release(session, visits, locked)


@warehouse.activity("prepare")
class Prepare:
    """Preparation order, picking, packing and inspection (WHS-07…10)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> preparation_rules.Goods:
        return preparation_books.load_goods(session, visits)

    def decide(self, visit: Visit, facts: preparation_rules.Goods) -> Outcome:
        return preparation_rules.prepare(visit, facts)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        preparation_books.save_preparations(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        """Where no step of the definition reserves, nobody else would release what preparing had reserved."""
        locked = books.lock_goods(session, visits)
        preparation_books.put_back(session, visits)
        alone = [visit for visit in visits if "warehouse.reserve" not in visit.activities]
        return books.release(session, alone, locked) if alone else ()


@warehouse.fact("goods_received")
def book_arrivals(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """到货: raises the stock and wakes the orders that wait for it (WHS-04)."""
    return arrivals.book_arrivals(session, facts)


warehouse.fact("stock_counted")(counting.book_counts)
warehouse.fact("stock_count_decided")(counting.book_decisions)
warehouse.fact("blocked_goods_decided")(blocked.book_decisions)

# -- buying and making -------------------------------------------------------------------------------------------------


@warehouse.activity("assign_production")
class AssignProduction:
    """销售订单的分配: what is not in stock goes to the production units (PRD-01)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> plan_rules.Making:
        return sources.read_making(session, visits)

    def decide(self, visit: Visit, facts: plan_rules.Making) -> Outcome:
        return plan_rules.assign_production(visit, facts)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        supply.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        supply.call_off(session, visits)
        return books.release(session, visits)


@warehouse.activity("plan_production")
class PlanProduction:
    """生产计划的制定: with materials, confirmed by the departments concerned (PRD-02)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> plan_rules.Making:
        return sources.read_making(session, visits)

    def decide(self, visit: Visit, facts: plan_rules.Making) -> Outcome:
        return plan_rules.plan_production(visit, facts)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        supply.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        supply.call_off(session, visits)
        return books.release(session, visits)


@warehouse.activity("control_production")
class ControlProduction:
    """生产过程的控制: until what the order lacks is made (PRD-03, PRD-04)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> plan_rules.Making:
        return sources.read_making(session, visits)

    def decide(self, visit: Visit, facts: plan_rules.Making) -> Outcome:
        return plan_rules.control_production(visit, facts)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        supply.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        supply.call_off(session, visits)
        return books.release(session, visits)


warehouse.fact("supplier_evaluated")(suppliers.book_evaluations)
warehouse.fact("supplier_quoted")(suppliers.book_quotations)
warehouse.fact("purchase_received")(purchasing.book_receipts)
warehouse.fact("purchase_returned")(purchasing.book_returns)
warehouse.fact("production_planned")(production_reports.book_plans)
warehouse.fact("production_confirmed")(production_reports.book_confirmations)
warehouse.fact("production_progress")(production_reports.book_progress)
warehouse.fact("production_delayed")(production_reports.book_delays)
warehouse.fact("production_finished")(production_reports.book_ends)
warehouse.fact("goods_returned")(returns.book_returns)
