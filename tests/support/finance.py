"""Finance alone over a real database: orders go through review, release and settlement, and payments come in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from messages.batch import Batch, BatchKind
from messages.batch import Department as Name
from messages.commands import FACT
from messages.facts.finance import PaymentReceived
from messages.orders import Order, PaymentMethod
from shared import policy
from shared.audit import audit
from shared.batches import Ref, write_batches
from shared.catalogue import gather
from shared.database import Database, Row, columns
from shared.definitions import parse
from shared.department import Visit
from shared.ids import new_id
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.runtime import Runtime
from shared.standings import lock_standings
from shared.tasks import Wish, decide
from tests.support.definitions import definition_text, step
from tests.support.orders import NOW, open_orders
from workers.finance.activities import finance
from workers.finance.books import INVARIANTS
from workers.finance.masterdata import AccountRow, OpenItemRow, save_accounts, save_open_items
from workers.sales_review.books import PriceRow, ProductRow, save_prices, save_products

POLICIES = policy.load()
POLICY = POLICIES.get("standard@1")
PREPAID = {"method": "wire", "terms": "prepaid"}
INVOICE_DATA = {"tax_number": "91310000MA1K00001X", "invoice_title": "上海明珠", "invoice_address": "上海市1号"}


def a_definition(**options: Any) -> Definition:
    """Review, release and settlement; `options` are those of the settlement."""
    steps = (
        step("review", activity="finance.review"),
        step("release", activity="finance.release", reaches="approved"),
        step("settle", activity="finance.settle", reaches="settled", **({"options": options} if options else {})),
    )
    return parse(definition_text(*steps), "sample.toml")


@dataclass
class FinanceWorld:
    """A company with products P001 and P002 and the customers that a test gives accounts."""

    database: Database
    definition: Definition = field(default_factory=a_definition)
    policy: Policy = POLICY
    queue: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.database.transaction() as session:
            save_products(session, [ProductRow(code=one, name_en=one, weight_grams=1) for one in ("P001", "P002")])
            prices = [
                PriceRow(product=product, currency=currency, unit_price=Decimal(price), effective_from=date(2026, 1, 1))
                for product, price in (("P001", 100), ("P002", 50))
                for currency in ("CNY", "USD", "JPY")
            ]
            save_prices(session, prices)
            session.write(
                "insert into core.staff (id, name, roles) values ('fiona', 'Fiona', '{finance_clerk}'),"
                " ('sue', 'Sue', '{sales_supervisor}'), ('zheng', 'Zheng', '{senior_management}')"
            )

    # -- the company ----------------------------------------------------------------------------------------------

    def account(self, customer: str = "C001", limit: str = "10000", **changes: Any) -> None:
        cells: dict[str, Any] = {"customer": customer, "currency": "CNY", "credit_limit": limit}
        cells |= {"terms": "prepaid net_30", **INVOICE_DATA, **changes}
        with self.database.transaction() as session:
            save_accounts(session, [AccountRow.model_validate(cells)])

    def open_item(self, amount: str, due_date: date, customer: str = "C001", reference: str = "OLD-1") -> None:
        item = OpenItemRow(
            customer=customer, reference=reference, amount=Decimal(amount), currency="CNY", due_date=due_date
        )
        with self.database.transaction() as session:
            save_open_items(session, [item])

    # -- what happens ---------------------------------------------------------------------------------------------

    def runtime(self) -> Runtime:
        return Runtime(
            finance,
            self.database,
            gather([self.definition]),
            gather([self.policy]),
            self.queue.extend,
            attempts=1,
            now=lambda: NOW,
        )

    def submit(self, *orders: Order) -> None:
        self.queue += open_orders(self.database, self.definition, POLICY, orders)

    def run(self) -> None:
        runtime = self.runtime()
        while self.queue:
            runtime.handle(self.queue.pop(0))

    def go(self, *orders: Order) -> None:
        """Submit, and work until nothing moves."""
        self.submit(*orders)
        self.run()

    def report(self, *payments: tuple[Order | str, str, str] | PaymentReceived) -> None:
        """Payments as (order or number, reference, amount) in the order's currency."""
        self.tell(*[one if isinstance(one, PaymentReceived) else a_payment(*one) for one in payments])

    def say(self, kind: str, by: str = "fiona", **fields: Any) -> list[str]:
        """Somebody in finance reports something, and all that comes of it; the codes of why it was refused."""
        fact = FACT.validate_python(
            {"kind": kind, "source": "erp", "fact_id": new_id(), "occurred_at": NOW, "by": by, **fields}
        )
        before = len(self.refusals())
        self.tell(fact)
        self.run()
        return self.refusals()[before:]

    def tell(self, *facts: Any) -> None:
        """Facts as the intake keeps them for the department."""
        rows = [
            (new_id(), one.source, one.fact_id, one.kind, getattr(one, "order", None), one.model_dump_json())
            for one in facts
        ]
        with self.database.transaction() as session:
            session.write(_FACTS, NOW, *columns(rows, 6))
            refs = [Ref(row[0], 0, row[3]) for row in rows]
            self.queue += write_batches(session, {(Name.FINANCE, BatchKind.FACTS): refs}, NOW)

    def pay(self, *payments: tuple[Order | str, str, str] | PaymentReceived) -> None:
        """Report payments, and work until nothing moves."""
        self.report(*payments)
        self.run()

    def decide(self, choice: str, person: str = "fiona", **more: Any) -> None:
        """Somebody decides every open task."""
        with self.database.transaction() as session:
            tasks = [row[0] for row in session.rows("select id from core.user_tasks where status = 'open'")]
            answers, batches = decide(session, [Wish(task, person, choice, **more) for task in tasks], NOW)
        assert set(answers) == {None}
        self.queue += batches
        self.run()

    def cancel(self, order: Order) -> None:
        journal = Journal(NOW)
        with self.database.transaction() as session:
            folders = lock_standings(session, [order.id], gather([self.definition]), POLICIES)
            assert journal.cancel(folders[order.id], "shop", {"reason": "changed their mind"})
            batches = journal.write(session)
        self.queue += batches
        self.run()

    # -- what is there --------------------------------------------------------------------------------------------

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def one(self, sql: str, *params: object) -> Row:
        (row,) = self.rows(sql, *params)
        return row

    def state(self, order: Order) -> str:
        return str(self.one("select state from core.orders where id = %s", order.id)[0])

    def exposure(self, customer: str = "C001") -> int:
        return int(self.one("select exposure_minor from finance.credit_status where customer = %s", customer)[0])

    def open_findings(self) -> list[str]:
        """Codes of the findings that people are asked about."""
        return sorted(
            row[0]
            for row in self.rows(
                "select f->>'code' from core.user_tasks t, json_array_elements(t.findings) f where t.status = 'open'"
            )
        )

    def refusals(self) -> list[str]:
        return [
            row[0]
            for row in self.rows("select refused->0->>'code' from core.facts where refused is not null order by id")
        ]

    def breaches(self) -> list[str]:
        return sorted({breach.invariant for breach in audit(self.database, INVARIANTS).breaches})


def a_payment(order: Order | str, reference: str, amount: str, **changes: Any) -> PaymentReceived:
    """A payment by wire, in the order's currency."""
    number, currency = (order.number, order.currency) if isinstance(order, Order) else (order, "CNY")
    fields: dict[str, Any] = {
        "source": "bank",
        "fact_id": new_id(),
        "occurred_at": NOW,
        "reference": reference,
        "order": number,
        "amount": Decimal(amount),
        "currency": currency,
        "method": PaymentMethod.WIRE,
    }
    return PaymentReceived.model_validate(fields | changes)


def visits_of(orders: Iterable[Order], activity: str = "finance.review", **changes: Any) -> Sequence[Visit]:
    """Visits as the runtime makes them, for calling an activity directly."""
    return [Visit(order, 1, activity, {}, POLICY, NOW, **changes) for order in orders]


_FACTS = """
insert into core.facts (received_at, id, source, fact_id, kind, content_hash, order_id, body)
select %s, v.id, v.source, v.fact_id, v.kind, '-', h.order_id, v.body
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::json[])
    as v(id, source, fact_id, kind, number, body)
left join core.order_headers h on h.number = v.number
"""
