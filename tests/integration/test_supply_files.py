"""Suppliers, quotations, evaluations, units and materials from a company's folder: saved whole, or refused whole."""

from pathlib import Path

import pytest

from tests.support.definitions import step
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import order, units
from workers.masterdata import load_folder

SUPPLIERS = "code,name\nS1,一号\nS2,二号\n"
QUOTED = "supplier,product,valid_from,valid_until,lead_time_days,currency,unit_price\n"


def load(office: Office, folder: Path, **files: str) -> str:
    """What is wrong with the files; nothing: they are saved."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    _, faults = load_folder(office.database, folder)
    return "; ".join(f"{each.file} {each.line} {each.column} {each.reason}" for each in faults)


@pytest.mark.requirement("SUP-02", "SUP-03", "SUP-04")
def test_suppliers_are_loaded_again_without_forgetting_what_came_of_them(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    assert load(office, folder, suppliers=SUPPLIERS) == ""
    with office.database.transaction() as session:
        session.write("update warehouse.suppliers set receipts = 3, late = 1 where code = 'S1'")
    assert load(office, folder, suppliers=SUPPLIERS.replace("一号", "壹号")) == ""
    rows = office.rows("select name, receipts, late, capacity from warehouse.suppliers order by code")
    assert rows == [("壹号", 3, 1, 50), ("二号", 0, 0, 50)]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"suppliers": "code,name\nS1,甲\nS1,乙\n"}, "given twice: S1"),
        ({"suppliers": "code,name,capacity\nS1,甲,101\n"}, "suppliers.csv 2 capacity"),
        ({"supplier_quotations": QUOTED + "S9,P003,2026-01-01,2026-12-31,5,CNY,1.00\n"}, "no such supplier: S9"),
        ({"supplier_quotations": QUOTED + "S1,P003,2026-01-02,2026-01-01,5,CNY,1.00\n"}, "before"),
        ({"supplier_quotations": QUOTED + "S1,P003,2026-01-01,2026-12-31,5,CNY,0\n"}, "the price is 0"),
        ({"supplier_quotations": QUOTED + "S1,P003,2026-01-01,2026-12-31,5,CNY,1.005\n"}, "decimals"),
        (
            {
                "supplier_evaluations": "supplier,evaluated_on,quality_system,method,passed,score,recorded_by\n"
                "S1,2026-01-01,ISO,hearsay,true,90,x\n"
            },
            "method",
        ),
        ({"production_units": "code,name,capacity,products\nU1,甲,-1,P003\n"}, "capacity"),
        ({"bill_of_materials": "product,material,quantity\nP003,M1,1\nP003,M1,2\n"}, "given twice: P003 M1"),
        ({"bill_of_materials": "product,material,quantity\nP003,P003,1\n"}, "bill_of_materials.csv"),
    ],
)
def test_files_that_cannot_be_are_refused_with_the_place(
    office: Office, tmp_path: Path, files: dict[str, str], fault: str
) -> None:
    folder = tmp_path / "refused"
    assert fault in load(office, folder, **{"suppliers": SUPPLIERS, **files})
    assert office.count("warehouse.suppliers") == 0


@pytest.mark.requirement("PRD-01")
def test_a_capacity_below_what_is_committed_is_refused(office: Office, tmp_path: Path) -> None:
    hire(office)
    assigned = step("assign", activity="warehouse.assign_production", roles=["order_processor"], reaches="approved")
    office.follows(assigned, step("plan", activity="warehouse.plan_production"))
    units(office, ("U1", 10))
    order(office, 8)
    folder, text = tmp_path / "units", "code,name,capacity,products\nU1,甲,{},P003\n"
    with office.database.transaction() as session:  # as if the plan was for a day to come, whenever this runs
        for table in ("production_days", "production_shares"):
            session.write(f"update warehouse.{table} set day = current_date + 30")
    assert "production_units.csv" in load(office, folder, production_units=text.format(7))
    assert load(office, folder, production_units=text.format(8)) == ""
    assert office.rows("select capacity from warehouse.production_days") == [(8,)]
    office.assert_clean()
