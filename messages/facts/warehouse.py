"""Facts that the warehouse 仓储 books: goods, suppliers, purchases, production."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code, Contract, Text
from messages.facts.fact import BaseFact, Words
from messages.orders import MAX_LINES, Currency, Money, Quantity

Pieces = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""As `Quantity`, but may be none."""
Score = Annotated[int, Field(ge=0, le=100)]


class GoodsReceived(BaseFact):
    """Stock arrived at a location (到货, WHS-04)."""

    kind: Literal["goods_received"] = "goods_received"
    product: Code
    quantity: Quantity
    location: Code = "MAIN"


class CountedPlace(Contract):
    """So many pieces were found at a place, blocked ones included."""

    product: Code
    location: Code = "MAIN"
    counted: Pieces


class StockCounted(BaseFact):
    """A sheet of stock-taking (库存盘点, WHS-06), whole; `occurred_at` is the moment of counting."""

    kind: Literal["stock_counted"] = "stock_counted"
    sheet: Code
    by: Code
    places: Annotated[tuple[CountedPlace, ...], Field(min_length=1, max_length=10_000)]
    remarks: Text = ""

    @model_validator(mode="after")
    def _names_each_place_once(self) -> Self:
        if len({(each.product, each.location) for each in self.places}) < len(self.places):
            raise ValueError("a place is counted twice")
        return self


class StockCountDecided(BaseFact):
    """Somebody other than the counter approves the differences of a sheet, or rejects them (WHS-06)."""

    kind: Literal["stock_count_decided"] = "stock_count_decided"
    sheet: Code
    by: Code
    approve: bool
    reason: Text = ""


class BlockedGoodsDecided(BaseFact):
    """Blocked pieces are released for sale again, or scrapped (WHS-10)."""

    kind: Literal["blocked_goods_decided"] = "blocked_goods_decided"
    product: Code
    location: Code = "MAIN"
    quantity: Quantity
    decision: Literal["released", "scrapped"]
    by: Code
    reason: Words


class SupplierEvaluated(BaseFact):
    """质量评估 of a supplier (SUP-03): its quality system was assessed, and a sample test or site visit was made."""

    kind: Literal["supplier_evaluated"] = "supplier_evaluated"
    supplier: Code
    by: Code
    quality_system: Words
    method: Literal["sample_test", "site_visit"]
    passed: bool
    score: Score
    remarks: Text = ""


class SupplierQuoted(BaseFact):
    """A supplier's price for a piece (供应商报价, SUP-02) from a quantity on; `lead_time_days` until it arrives."""

    kind: Literal["supplier_quoted"] = "supplier_quoted"
    supplier: Code
    by: Code
    product: Code
    currency: Currency
    unit_price: Money
    minimum_quantity: Quantity = 1
    lead_time_days: Annotated[int, Field(ge=0, le=3_650)]
    valid_from: date
    valid_until: date

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class PurchaseReceived(BaseFact):
    """Goods arrived against a purchase (SUP-01); `failed` did not pass the inspection and went back at once."""

    kind: Literal["purchase_received"] = "purchase_received"
    purchase: Code
    quantity: Pieces
    failed: Pieces = 0
    location: Code = "MAIN"

    @model_validator(mode="after")
    def _something_arrived(self) -> Self:
        if self.quantity + self.failed == 0:
            raise ValueError("nothing arrived")
        return self


class PurchaseReturned(BaseFact):
    """Pieces of a purchase turned out bad after they were taken (SUP-04); stock is corrected where it is counted."""

    kind: Literal["purchase_returned"] = "purchase_returned"
    purchase: Code
    by: Code
    quantity: Quantity
    reason: Words


class PlannedMaterial(Contract):
    """So much of a material, in pieces."""

    material: Code
    quantity: Quantity


class ProductionPlanned(BaseFact):
    """生产计划 (PRD-02): quantity, time and materials of an assigned plan, as the planner sets them."""

    kind: Literal["production_planned"] = "production_planned"
    plan: Code
    by: Code
    quantity: Quantity
    starts_on: date
    finishes_on: date
    materials: Annotated[tuple[PlannedMaterial, ...], Field(min_length=1, max_length=500)]
    remarks: Text = ""

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.finishes_on < self.starts_on:
            raise ValueError("finishes_on is before starts_on")
        return self


class ProductionConfirmed(BaseFact):
    """A department confirms a plan (PRD-02), in every role that the plan asks for and the person holds."""

    kind: Literal["production_confirmed"] = "production_confirmed"
    plan: Code
    by: Code


class ProductionProgress(BaseFact):
    """How many pieces are done so far (PRD-03)."""

    kind: Literal["production_progress"] = "production_progress"
    plan: Code
    by: Code
    done: Pieces
    remarks: Text = ""


class ProductionDelayed(BaseFact):
    """Another day on which a plan is finished (延误, PRD-03), and why."""

    kind: Literal["production_delayed"] = "production_delayed"
    plan: Code
    by: Code
    finishes_on: date
    reason: Words


class ProductionFinished(BaseFact):
    """A plan came to its end (PRD-04): `good` pieces passed the inspection and are there; the rest is short."""

    kind: Literal["production_finished"] = "production_finished"
    plan: Code
    by: Code
    good: Pieces
    location: Code = "MAIN"
    remarks: Text = ""


class ReturnedLine(Contract):
    """What came back of one line of the order, and whether it can be sold again."""

    line: Annotated[int, Field(ge=1)]
    quantity: Quantity
    condition: Literal["good", "damaged"]


class GoodsReturned(BaseFact):
    """Goods of a return or exchange are back (退货入库, AFT-05): good ones go into stock, others are blocked."""

    kind: Literal["goods_returned"] = "goods_returned"
    case: Code
    by: Code
    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    location: Code = "MAIN"


PurchaseFact = SupplierEvaluated | SupplierQuoted | PurchaseReceived | PurchaseReturned
ProductionFact = ProductionPlanned | ProductionConfirmed | ProductionProgress | ProductionDelayed | ProductionFinished
StockFact = GoodsReceived | GoodsReturned | StockCounted | StockCountDecided | BlockedGoodsDecided
WarehouseFact = StockFact | PurchaseFact | ProductionFact
