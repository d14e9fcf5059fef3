"""A real shop's six days go in through `orderflow submit --map`, and every invoice ends where it must."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from messages.batch import Batch
from shared.broker import connect, publish
from shared.calendar import BUSINESS_ZONE
from shared.database import Database, open_database
from shared.settings import Settings
from shared.tasks import AGREE, Wish, decide
from tests.support.database import REPOSITORY
from tests.support.online_retail import FOLDER, GRANTED_BY_SALES, MAP, Invoice, Shop, read_shop, write_company
from tests.support.waiting import until
from workers.masterdata import load_folder
from workers.system import System, running_system

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no invoices of the real shop in {FOLDER}"),
    pytest.mark.timeout(240),
]

UNPAID, UNDECIDED = "Germany", "EIRE"
"""Nobody there pays; and about the prices that those over there took nobody decides."""
SHORT, MISSING = "85123A", 200
"""The best-selling product, and how many pieces of what is sold are not in stock."""


@dataclass(frozen=True)
class Desk:
    """The running shop and its command line."""

    shop: Shop
    system: System
    database: Database
    map: Path
    folder: Path

    def command(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of a command, run as people run it."""
        urls = {"ORDERFLOW_DATABASE_URL": self.system.database_url, "ORDERFLOW_BROKER_URL": self.system.broker_url}
        done = subprocess.run(
            [sys.executable, "-m", "workers.cli", *arguments, "--json"],
            cwd=REPOSITORY,
            env={**os.environ, **urls},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def submit(self, file: Path, *more: str) -> tuple[int, dict[str, Any]]:
        # Whatever day it is by the time: the map counts from today.
        return self.command("submit", str(file), "--map", str(self.map), "--today", str(TODAY), *more)

    def report(self, facts: Iterable[Mapping[str, Any]]) -> int:
        """Report facts, by way of a file; returns how many were taken."""
        known = {"schema_version": 1, "source": "the world", "occurred_at": datetime.now(UTC).isoformat()}
        file = self.folder / "facts.jsonl"
        file.write_text("".join(json.dumps(known | dict(fact)) + "\n" for fact in facts), encoding="utf-8")
        code, answer = self.command("fact", str(file))
        assert code == 0, answer
        return int(answer["accepted"])

    def rows(self, sql: str, *params: object) -> list[Any]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def agree(self, person: str, chosen: Callable[[Invoice], bool]) -> int:
        """Agree to every open task at hand about one of the chosen invoices."""
        tasks = [task for task, number in self.rows(OPEN_TASKS) if chosen(self.shop.orders[number])]
        with self.database.transaction() as session:
            refused, batches = decide(session, [Wish(task, person, AGREE) for task in tasks], datetime.now(UTC))
        assert not any(refused)
        self.publish(batches)
        return len(tasks)

    def publish(self, batches: list[Batch]) -> None:
        publish(connect(self.system.broker_url), [(batch.department, batch) for batch in batches])

    def settled(self, expected: Mapping[str, int]) -> None:
        """Wait until the orders stand at these steps, or in these states where they are at none."""
        until(lambda: dict(self.rows(STANDING)) == expected, seconds=60, what=f"orders at {expected}")


TODAY = datetime.now(BUSINESS_ZONE).date()
OPEN_TASKS = """
select t.id, h.external_id from core.user_tasks t join core.order_headers h on h.order_id = t.order_id
where t.status = 'open'
"""
STANDING = """
select case when cardinality(o.open) = 0 then o.state else concat_ws(' ', variadic o.open) || ': ' ||
    case when exists (select from core.user_tasks t where t.order_id = o.id and t.status = 'open') then 'person'
        else coalesce((select string_agg(distinct split_part(w.key, ':', 1), ' ') from core.waits w
            where w.order_id = o.id), 'moving') end end, count(*)
from core.orders o group by 1
"""
NUMBERS = "select external_id, number, order_id from core.order_headers"
SLIPS = "select h.number, s.tracking_number from logistics.shipments s join core.order_headers h using (order_id)"
ARCHIVED = "select h.external_id from after_sales.archive a join core.order_headers h using (order_id)"
ASKED = """
select h.external_id, t.roles from core.user_tasks t join core.order_headers h using (order_id) where t.status = 'open'
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("retail")
    company = folder / "company"
    company.mkdir()
    shop = read_shop()
    write_company(shop, company, {SHORT: MISSING})
    (folder / "map.toml").write_text(MAP, encoding="utf-8")
    settings = Settings(home=folder / "home", database_url="", broker_url="")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running_system(settings, threading.Event()) as system:
            database = open_database(system.database_url, settings, pool=2)
            _, faults = load_folder(database, company)
            assert not faults
            yield Desk(shop, system, database, folder / "map.toml", folder)
            database.close()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-03", "ENT-05")
def test_every_invoice_is_accepted_or_refused_with_its_reason(desk: Desk) -> None:
    shop = desk.shop
    assert (len(shop.files), len(shop.invoices)) == (6, 757)
    answers: dict[str, Any] = {}
    for file in shop.files:
        code, answer = desk.submit(file)
        here = {number: invoice for number, invoice in shop.invoices.items() if invoice.file == file.name}
        good = sum(not invoice.faults for invoice in here.values())
        assert (answer["orders"], answer["accepted"], answer["refused"]) == (len(here), good, len(here) - good)
        assert (answer["repeated"], answer["conflict"], answer["stopped"]) == (0, 0, None)
        assert answer["lines"] == sum(len(invoice.lines) for invoice in here.values())
        assert code == (0 if good == len(here) else 1)
        answers |= {each["external_id"]: each for each in answer["answers"]}
    assert answers.keys() == shop.invoices.keys()
    for number, invoice in shop.invoices.items():
        faults = Counter(starred(error["field"]) for error in answers[number]["errors"])
        assert faults == invoice.faults, number
        assert answers[number]["lines"] == len(invoice.lines)
        for error in answers[number]["errors"]:
            column = "Quantity" if error["field"].startswith("lines") else "CustomerID"
            assert error["reason"].startswith(f"column {column}, line"), error
    totals = dict(desk.rows("select external_id, total_minor from core.order_headers"))
    assert totals == {number: invoice.total * 100 for number, invoice in shop.orders.items()}
    assert len(shop.invoices) - len(shop.orders) == len(desk.rows("select from core.refusals"))


@pytest.mark.requirement("ENT-05")
def test_the_same_files_again_are_repeats(desk: Desk) -> None:
    for file in desk.shop.files[:2]:
        _, answer = desk.submit(file)
        here = [invoice for invoice in desk.shop.orders.values() if invoice.file == file.name]
        assert (answer["accepted"], answer["repeated"], answer["conflict"]) == (0, len(here), 0)
    _, answer = desk.submit(desk.shop.files[2], "--check")
    assert answer["accepted"] == 0
    assert len(desk.rows("select from core.orders")) == len(desk.shop.orders)


@pytest.mark.requirement("SAL-01", "FIN-01", "FIN-05", "WHS-04", "AFT-01", "AFT-09", "SET-01", "AUD-02")
def test_every_order_ends_in_the_archive_or_waits_for_somebody_or_something_with_a_name(desk: Desk) -> None:
    shop = desk.shop
    usual = {number for number, invoice in shop.orders.items() if shop.at_usual_prices(invoice)}
    left = {number for number in shop.orders if number not in usual and shop.orders[number].country == UNDECIDED}
    assert left
    desk.settled({"release: payment": len(usual), "check: person": len(shop.orders) - len(usual)})

    assert desk.agree("sue", lambda invoice: invoice.country != UNDECIDED) == len(shop.orders) - len(usual) - len(left)
    asked = len(shop.orders) - len(usual) - len(left)
    desk.settled({"release: payment": len(usual), "finance: person": asked, "check: person": len(left)})
    assert desk.agree("fay", lambda invoice: invoice.number not in left) == asked
    cheap = {number for number in shop.orders if number not in left and shop.too_cheap(shop.orders[number])}
    granted = [
        number
        for number in shop.orders.keys() - left - cheap
        if shop.largest_discount(shop.orders[number]) > GRANTED_BY_SALES
    ]
    assert cheap
    assert granted
    back = {"returned": len(cheap), "check: person": len(left)}
    going = len(shop.orders) - len(left) - len(cheap)
    desk.settled(back | {"release: payment": going - len(granted), "finance: person": len(granted)})
    assert desk.agree("ann", lambda invoice: invoice.number not in left) == len(granted)
    desk.settled(back | {"release: payment": going})

    numbers = {invoice: (number, order) for invoice, number, order in desk.rows(NUMBERS)}
    unpaid = {number for number in shop.orders.keys() - left - cheap if shop.orders[number].country == UNPAID}
    paid = shop.orders.keys() - left - cheap - unpaid
    assert unpaid
    assert desk.report(payment(shop.orders[number], numbers[number][0]) for number in sorted(paid)) == len(paid)
    standing = back | {"release: payment": len(unpaid)}
    short = until(lambda: only_short_of_goods(desk, standing, len(paid)), seconds=60, what="the others to be shipped")
    assert short
    assert desk.rows("select distinct key from core.waits where step = 'reserve'") == [(f"stock:{SHORT}",)]
    lorry = {"kind": "goods_received", "fact_id": "lorry-1", "product": SHORT, "quantity": MISSING}
    assert desk.report([lorry]) == 1
    desk.settled(standing | {"receipt: delivered receipt": len(paid)})

    slips = desk.rows(SLIPS)
    delivered = [
        {"kind": "delivered", "fact_id": f"d-{order}", "order": order, "tracking_number": slip} for order, slip in slips
    ]
    received = [{"kind": "receipt_confirmed", "fact_id": f"r-{order}", "order": order} for order, _ in slips]
    assert desk.report([*delivered, *received]) == 2 * len(paid)
    desk.settled(standing | {"archived": len(paid)})

    assert {number for (number,) in desk.rows(ARCHIVED)} == paid
    assert set(desk.rows("select key, order_id from core.waits")) == {
        (f"payment:{numbers[number][1]}", numbers[number][1]) for number in unpaid
    }
    assert dict(desk.rows(ASKED)) == {number: ["sales_supervisor", "sales_manager"] for number in left}
    assert not desk.rows("select from core.dead_letters")
    code, verdict = desk.command("audit")
    assert (code, verdict["clean"], verdict["orders"], verdict["breaches"]) == (0, True, len(shop.orders), [])


def only_short_of_goods(desk: Desk, standing: Mapping[str, int], paid: int) -> int:
    """How many orders wait for goods, once the other paid ones are on their way; else 0."""
    found = dict(desk.rows(STANDING))
    short = int(found.pop("reserve: stock", 0))
    return short if found == {**standing, "receipt: delivered receipt": paid - short} else 0


def payment(invoice: Invoice, order: str) -> dict[str, Any]:
    """The customer pays the invoice in full."""
    total = invoice.total.quantize(Decimal("0.01"))
    bank = {"reference": f"BANK-{invoice.number}", "amount": str(total), "currency": "GBP", "method": "online"}
    return {"kind": "payment_received", "fact_id": f"p-{invoice.number}", "order": order, **bank}


def starred(field: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in field.split("."))
