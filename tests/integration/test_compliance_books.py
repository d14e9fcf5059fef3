"""Compliance against a real PostgreSQL: the list of rules, the records of products and customers, a batch of orders."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from messages.batch import Batch
from shared import definitions, master, policy
from shared.catalogue import gather
from shared.database import Database, Session
from shared.department import Visit
from shared.runtime import Runtime
from shared.tasks import Wish, decide
from tests.support.orders import NOW, an_order, open_orders
from workers.compliance import books
from workers.compliance.activities import compliance
from workers.compliance.books import read_records
from workers.compliance.rules import Kind, Party, Restriction, rulebook
from workers.sales_review.books import CustomerRow, ProductRow, save_customers, save_products

POLICIES = policy.load()
POLICY = POLICIES.get("standard@1")
DEFINITION = definitions.parse(
    """
name = "only_compliance"
version = 1
title = { zh = "合规", en = "Compliance" }
sale_types = []
effective_from = 2020-01-01
ends_in = "ended"

[[step]]
id = "law"
activity = "compliance.check"
mode = "auto"
roles = ["compliance_officer"]
deadline = "1 working day"
on_disagree = "return"
reaches = "approved"
""",
    "only_compliance.toml",
)
RULES = """code,kind,value,name_zh,name_en,source,active
EXP-1,category,两用物项,两用物项,Dual-use goods,,true
SAN-1,party,"Pearl ""East"" Trading",制裁名单,,UN-1718,true
SAN-2,country,KP,,Sanctioned country,,true
OLD-1,product,P001,旧规定,Old rule,,false
"""


def load(session: Session, folder: Path, text: str) -> list[master.MasterError]:
    (file,) = books.MASTER
    path = folder / "compliance_rules.csv"
    path.write_text(text, encoding="utf-8")
    rows, errors = master.read(path, file)
    file.save(session, rows)
    return errors


@pytest.fixture
def company(database: Database, tmp_path: Path) -> Database:
    customer = {"code": "C001", "name_zh": "上海明珠", "name_en": 'Pearl "East" Trading', "country": "CN"}
    products = [
        {"code": "P001", "name_zh": "台灯", "category": "照明", "weight_grams": "1"},
        {"code": "P002", "name_zh": "钻床", "category": "两用物项", "weight_grams": "1"},
    ]
    with database.transaction() as session:
        assert load(session, tmp_path, RULES) == []
        save_customers(session, [CustomerRow.model_validate(customer | {"sale_type": "domestic", "region": "上海"})])
        save_products(session, [ProductRow.model_validate(product) for product in products])
    return database


def visit(**changes: Any) -> Visit:
    return Visit(an_order(**changes), 1, "law", {}, POLICY, NOW)


@pytest.mark.requirement("CMP-01")
def test_the_active_rules_and_the_records_of_a_batch_are_read(company: Database) -> None:
    with company.transaction() as session:
        found = read_records(session, [visit(), visit(customer={"code": "C9", "name": "x"})])
        nothing = read_records(session, [])
    active = (
        Restriction("EXP-1", Kind.CATEGORY, "两用物项", "两用物项", "Dual-use goods"),
        Restriction("SAN-1", Kind.PARTY, 'Pearl "East" Trading', "制裁名单", "制裁名单", "UN-1718"),
        Restriction("SAN-2", Kind.COUNTRY, "KP", "Sanctioned country", "Sanctioned country"),
    )
    assert found.book == rulebook(active)
    assert found.categories == {"P001": "照明", "P002": "两用物项"}
    assert found.customers == {"C001": Party(("上海明珠", 'Pearl "East" Trading'), "CN", "上海")}
    assert (nothing.book.size, nothing.categories, nothing.customers) == (0, {}, {})


@pytest.mark.requirement("CMP-01")
def test_loading_again_changes_a_rule_and_switches_it_off(company: Database, tmp_path: Path) -> None:
    changed = RULES.replace("KP,,Sanctioned country,,true", "IR,,Sanctioned country,,true").replace(
        "Dual-use goods,,true", "Dual-use goods,,false"
    )
    with company.transaction() as session:
        assert load(session, tmp_path, changed) == []
        found = read_records(session, [visit()]).book
    assert found.size == 2
    assert list(found.codes[Kind.COUNTRY]) == ["ir"]
    assert found.codes[Kind.CATEGORY] == {}


@pytest.mark.requirement("CMP-01")
def test_a_file_names_every_faulty_rule_and_the_sound_ones_are_read(database: Database, tmp_path: Path) -> None:
    faulty = RULES + "BAD-1,country,Iran,伊朗,Iran,,true\nBAD-2,weather,x,雨,Rain,,perhaps\n"
    with database.transaction() as session:
        errors = load(session, tmp_path, faulty)
    assert [(error.line, error.column) for error in errors] == [(6, ""), (7, "kind"), (7, "active")]


@pytest.mark.requirement("CMP-01")
def test_the_database_itself_refuses_a_rule_that_could_never_match(company: Database) -> None:
    for change in ("kind = 'weather'", "value = '  '"):
        with pytest.raises(psycopg.errors.CheckViolation), company.transaction() as session:
            session.write(f"update compliance.rules set {change}")


@pytest.mark.requirement("CMP-01")
def test_a_hit_waits_for_a_person_whose_agreement_lets_the_order_go_on(company: Database) -> None:
    elsewhere = {"code": "C9", "name": "No Record Ltd."}
    hit, clean = an_order(), an_order(customer=elsewhere, lines=an_order().lines[:1])
    published: list[Batch] = []
    catalogue = gather([DEFINITION])
    runtime = Runtime(compliance, company, catalogue, POLICIES, published.extend, attempts=1, now=lambda: NOW)
    for batch in open_orders(company, DEFINITION, POLICY, [hit, clean]):
        runtime.handle(batch)
    with company.transaction() as session:
        session.write(
            "insert into core.staff (id, name, roles)"
            " values ('ling', 'Ling', '{compliance_officer}'), ('fox', 'Fox', '{}')"
        )
        assert dict(session.rows("select id, state from core.orders")) == {hit.id: "in_review", clean.id: "ended"}
        ((task, found),) = session.rows(
            "select id, array(select f->>'subject' from json_array_elements(findings) f)"
            " from core.user_tasks where order_id = %s",
            hit.id,
        )
        assert found == ["EXP-1", "SAN-1"]
        answers, batches = decide(session, [Wish(task, "fox", "agree"), Wish(task, "ling", "agree")], NOW)
    assert [answer is None for answer in answers] == [False, True]
    for batch in batches:
        runtime.handle(batch)
    with company.transaction() as session:
        assert session.rows("select state from core.orders where id = %s", hit.id) == [("ended",)]
