"""An order's journey through the whole company: people of every role decide, the outside world reports."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from messages.orders import Order
from shared.database import columns
from shared.money import from_minor
from shared.roles import ROLES
from shared.states import FINAL
from shared.tasks import AGREE, DISAGREE, Wish, decide
from tests.support.company import raw
from tests.support.contracts import SIGNED, Review
from tests.support.office import Office, verdicts

CREATOR = "sam"
FARTHEST = 200
"""More moves than any order needs: a journey that does not end fails here."""


def hire(office: Office) -> None:
    """Two people for every role."""
    people = [(f"{role}.{place}", role, role) for role in ROLES for place in (1, 2)]
    with office.database.transaction() as session:
        session.write(
            "insert into core.staff (id, name, roles) select v.id, v.name, array[v.role]"
            " from unnest(%s::text[], %s::text[], %s::text[]) as v(id, name, role)",
            *columns(people, 3),
        )


@dataclass
class Journey:
    """One order. `number` names it."""

    office: Office
    number: str

    @classmethod
    def begin(cls, office: Office, definition: str, **changes: Any) -> "Journey":
        """Hand an order in."""
        (receipt,) = office.take(raw(creator=CREATOR, definition=definition, **changes))
        assert receipt.number, receipt
        return cls(office, receipt.number)

    # -- what happens ---------------------------------------------------------------------------------------------

    def go_on(self, until: Callable[[], object] = lambda: False) -> None:
        """Whatever the order asks for is done, until it has come to its end, or to where it shall stop."""
        for _ in range(FARTHEST):
            self.office.work()
            if self.state() in FINAL or until():
                return
            if self.task() is not None:
                self.decide(AGREE)
            else:
                self.report()
        raise AssertionError(f"{self.number} does not come to an end: {self.history()}")

    def go_to_a_person(self) -> None:
        """The same, until somebody is asked."""
        for _ in range(FARTHEST):
            self.office.work()
            if self.task() is not None:
                return
            self.report()
        raise AssertionError(f"nobody is asked about {self.number}: {self.history()}")

    def decide(self, choice: str) -> None:
        """A holder of the task's role decides, who has no part in it yet."""
        task = self.task()
        assert task is not None
        task_id, roles, excluded = task
        person = next(f"{role}.{place}" for role in roles for place in (1, 2) if f"{role}.{place}" not in excluded)
        why = ("价格有误", "按价目表更正") if choice == DISAGREE else ("", "")
        with self.office.database.transaction() as session:
            (answer,), batches = decide(session, [Wish(task_id, person, choice, *why)], self.office.now)
        assert answer is None, answer
        self.office.queue += batches

    def report(self) -> None:
        """The outside world says what the order waits for."""
        keys = self.office.rows(
            "select key from core.waits join core.order_headers using (order_id) where number = %s", self.number
        )
        waits = {key.partition(":")[0] for (key,) in keys}
        kind = next((one for one in REPORTS if one in waits), None)
        assert kind, f"{self.number} waits for {waits}: {self.history()}"
        REPORTS[kind](self, self.office.document(self.number))

    def tell(self, kind: str, **content: Any) -> None:
        """Report a fact, which is taken and booked."""
        head = {"kind": kind, "source": "world", "fact_id": f"{kind}-{self.number}", "order": self.number}
        body = {**head, "occurred_at": self.office.now.isoformat(), **content}
        assert verdicts(self.office.report(json.dumps(body, ensure_ascii=False).encode())) == ["accepted"]
        self.office.work()
        assert self.office.rows("select refused from core.facts where refused is not null") == []

    def resubmit(self, document: bytes) -> None:
        """The creator hands the corrected order in again."""
        self.tell("order_resubmitted", by=CREATOR, document=json.loads(document))

    # -- what is there --------------------------------------------------------------------------------------------

    def state(self) -> str:
        return str(self._one("select o.state from core.orders o"))

    def round(self) -> int:
        return int(self._one("select o.round from core.orders o"))

    def _one(self, select: str) -> Any:
        (row,) = self.office.rows(
            f"{select} join core.order_headers h on h.order_id = o.id where number = %s", self.number
        )
        return row[0]

    def task(self) -> tuple[str, list[str], list[str]] | None:
        """The open task: its id, its roles, and who may not decide it."""
        rows = self.office.rows(
            "select t.id, t.roles, coalesce(t.excluded, '{}') from core.user_tasks t"
            " join core.order_headers using (order_id) where number = %s and t.status = 'open' order by t.id limit 1",
            self.number,
        )
        return rows[0] if rows else None

    def steps(self, round_: int = 1) -> list[tuple[str, str]]:
        """Every step that was finished in a round, in order, and by whom."""
        return self.office.rows(
            "select e.step, e.actor from core.events e join core.order_headers using (order_id)"
            " where number = %s and e.round = %s and e.kind in ('passed', 'agreed') order by e.seq",
            self.number,
            round_,
        )

    def visited(self, round_: int = 1) -> list[str]:
        return [step for step, _ in self.steps(round_)]

    def history(self) -> list[str]:
        return self.office.history(self.number)

    def tracking_number(self) -> str:
        sql = "select s.tracking_number from logistics.shipment_status s join core.order_headers h using (order_id)"
        return str(self.office.rows(f"{sql} where h.number = %s", self.number)[0][0])


def _pay(journey: Journey, order: Order) -> None:
    amount = str(from_minor(order.total_minor, order.currency))
    reference = f"TT-{order.number}"
    journey.tell("payment_received", reference=reference, amount=amount, currency=order.currency, method="wire")


def _deliver(journey: Journey, _: Order) -> None:
    journey.tell("delivered", tracking_number=journey.tracking_number())


def _receive(journey: Journey, _: Order) -> None:
    journey.tell("receipt_confirmed", remarks="齐全")


def _enter(journey: Journey, order: Order) -> None:
    document = {"customer": order.customer.code, "currency": order.currency, "lines": _lines(order)}
    journey.tell("order_entered", by="salesperson.1", document=document)


def _confirm(journey: Journey, _: Order) -> None:
    fact_id = f"answer-{journey.number}-{journey.round()}"
    journey.tell("customer_answered", fact_id=fact_id, answer="confirmed", by="王芳")


def _sign(journey: Journey, order: Order) -> None:
    """A contract that says what the order says comes in, is reviewed, and signed by both sides."""
    buyer = {"code": order.customer.code, "name": order.customer.name}
    total = str(from_minor(order.total_minor, order.currency))
    review = Review.begin(journey.office, order=order.number, buyer=buyer, lines=_lines(order), total=total)
    review.approve()
    review.tell("counterparty_checked", by="legal_counsel.1", reputation="无失信记录", strength="注册资本 500 万元")
    review.tell("contract_signed", **SIGNED)
    assert review.state() == "archived"


def _lines(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "product": line.product,
            "quantity": line.quantity,
            "unit_price": str(from_minor(line.unit_price_minor, order.currency)),
        }
        for line in order.lines
    ]


def _confirm_date(journey: Journey, _: Order) -> None:
    sql = "select p.promised_on from logistics.promises p join core.order_headers h using (order_id)"
    ((day,),) = journey.office.rows(f"{sql} where h.number = %s and p.withdrawn_at is null", journey.number)
    said = {"by": "salesperson.1", "answer": "confirmed", "promised_on": day.isoformat()}
    for party in ("sales", "customer"):
        journey.tell("date_answered", fact_id=f"{party}-{journey.number}-{journey.round()}", party=party, **said)


REPORTS: Mapping[str, Callable[[Journey, Order], None]] = {
    "payment": _pay,
    "delivered": _deliver,
    "receipt": _receive,
    "entered": _enter,
    "answer": _confirm,
    "contract": _sign,
    "promise": _confirm_date,
}
"""By what is waited for."""
