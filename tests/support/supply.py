"""Suppliers, production units and reports of them, for tests."""

import json
from datetime import date, timedelta
from typing import Any

from shared.ids import new_id
from tests.support.company import raw
from tests.support.office import Office, verdicts
from tests.support.orders import NOW
from workers.warehouse.suppliers import (
    EvaluationRow,
    QuotationRow,
    SupplierRow,
    save_evaluations,
    save_quotations,
    save_suppliers,
)
from workers.warehouse.units import MaterialRow, UnitRow, save_materials, save_units

TODAY = NOW.date()
PRODUCT = "P003"
"""What the tiny company has none of."""


def order(office: Office, quantity: int, **changes: Any) -> str:
    """An order of so many pieces of it comes in; its number."""
    lines = [{"product": PRODUCT, "quantity": quantity, "unit_price": "10.00"}]
    external_id = changes.pop("external_id", new_id())
    body = raw(external_id, definition="sample", lines=lines, total=f"{quantity * 10}.00", **changes)
    (receipt,) = office.take(body)
    assert receipt.number, receipt
    office.work()
    return receipt.number


def offers(office: Office, *suppliers: tuple[str, str, int], evaluated: bool = True, quality: int = 90) -> None:
    """Suppliers given as (code, price of a piece, lead time in days)."""
    with office.database.transaction() as session:
        save_suppliers(session, [SupplierRow(code=code, name=code) for code, _, _ in suppliers])
        rows = [
            QuotationRow.model_validate(
                {
                    "supplier": code,
                    "product": PRODUCT,
                    "valid_from": "2026-01-01",
                    "valid_until": "2099-12-31",
                    "lead_time_days": days,
                    "currency": "CNY",
                    "unit_price": price,
                }
            )
            for code, price, days in suppliers
        ]
        save_quotations(session, rows)
        if evaluated:
            seen = {"quality_system": "ISO 9001", "method": "site_visit", "passed": True, "recorded_by": "purchasing.1"}
            day = date(2026, 1, 1)
            save_evaluations(
                session,
                [EvaluationRow(supplier=code, evaluated_on=day, score=quality, **seen) for code, _, _ in suppliers],  # type: ignore[arg-type]
            )


def units(office: Office, *given: tuple[str, int], materials: bool = True) -> None:
    """Production units given as (code, pieces a day); a piece takes two of P002."""
    with office.database.transaction() as session:
        save_units(
            session, [UnitRow(code=code, name=code, capacity=pieces, products=(PRODUCT,)) for code, pieces in given]
        )
        if materials:
            save_materials(session, [MaterialRow(product=PRODUCT, material="P002", quantity=2)])


def tell(office: Office, kind: str, **content: Any) -> list[str]:
    """Report a fact and let it be booked; the codes for which it was refused."""
    fact_id = content.pop("fact_id", new_id())
    head = {"kind": kind, "source": "world", "fact_id": fact_id, "occurred_at": office.now.isoformat()}
    assert verdicts(office.report(json.dumps({**head, **content}).encode())) in (["accepted"], ["repeated"])
    office.work()
    rows = office.rows("select refused from core.facts where fact_id = %s and refused is not null", fact_id)
    return [each["code"] for row in rows for each in json.loads(row[0])]


def confirm(office: Office, plan: str) -> None:
    """Every department concerned confirms a plan."""
    for person in ("production_planner.1", "purchasing.1", "warehouse_keeper.1"):
        assert tell(office, "production_confirmed", plan=plan, by=person) == []


def working_days(count: int) -> list[date]:
    """The next ones after TODAY, a Monday: no holidays in the week, Friday the 19th is one (端午节)."""
    found: list[date] = []
    day = TODAY
    while len(found) < count:
        day += timedelta(days=1)
        if day.weekday() < 5 and day != date(2026, 6, 19):
            found.append(day)
    return found
