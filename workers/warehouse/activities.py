"""What the warehouse can do with orders, and the facts that it books."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.approval import Approval
from shared.calendar import BUSINESS_ZONE
from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.warehouse import arrivals, books, preparation_books, preparation_rules, rules

warehouse = Department("warehouse")
warehouse.recorded(
    "stock_taking",  # 库存盘点
    "instruct",  # 下达备货指令
    "pack_materials",  # 准备包装材料
    "load",  # 装车
    "inspect",  # 质量检查
    "allocate",  # 产品的分配
    "assign_production",  # 分配至生产部门
    "plan_production",  # 生产计划
    "control_production",  # 生产过程的控制
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

    def load(self, session: Session, visits: Sequence[Visit]) -> rules.Shelves:
        return books.lock_shelves(session, visits)

    def decide(self, visit: Visit, facts: rules.Shelves) -> Outcome:
        return rules.reserve(visit, facts)

    def save(self, session: Session, effects: Sequence[Any]) -> None:
        books.save_reservations(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> Collection[str]:
        """Goods that were issued go back too, should that not have happened yet; orders short of them look again."""
        preparation_books.put_back(session, visits)
        return books.release(session, visits)


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
        preparation_books.put_back(session, visits)
        alone = [visit for visit in visits if "warehouse.reserve" not in visit.activities]
        return books.release(session, alone) if alone else ()


@warehouse.fact("goods_received")
def book_arrivals(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """到货: raises the stock and wakes the orders that wait for it (WHS-04)."""
    return arrivals.book_arrivals(session, facts)
