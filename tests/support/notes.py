"""Delivery notes on their way through their own approval."""

from dataclasses import dataclass
from typing import Any

from shared.tasks import AGREE, DISAGREE, Wish, decide
from tests.support.facts import fact
from tests.support.journey import Journey
from tests.support.office import Office
from workers.intake.accept import Receipt


@dataclass
class NoteJourney:
    """The note of one order; `number` names it."""

    office: Office
    number: str

    @classmethod
    def of(cls, journey: Journey) -> "NoteJourney":
        """The one that is not recalled."""
        ((number,),) = journey.office.rows(
            "select n.number from logistics.delivery_notes n join core.order_headers h using (order_id)"
            " where h.number = %s and n.recalled_at is null",
            journey.number,
        )
        return cls(journey.office, number)

    def decide(self, choice: str = AGREE) -> None:
        """A holder of the open task's role decides."""
        ((task, roles),) = self.office.rows(
            "select t.id, t.roles from core.user_tasks t join core.order_headers using (order_id)"
            " where number = %s and t.status = 'open'",
            self.number,
        )
        why = ("地址有误", "改为仓库地址") if choice == DISAGREE else ("", "")
        with self.office.database.transaction() as session:
            (answer,), batches = decide(session, [Wish(task, f"{roles[0]}.1", choice, *why)], self.office.now)
        assert answer is None, answer
        self.office.queue += batches
        self.office.work()

    def hand_over(self) -> None:
        """The printed note is handed to finance."""
        self.tell("paper_handed_over", by="salesperson.1", to="finance_clerk.2")

    def approve(self) -> None:
        """Supervisor, paper, finance."""
        self.decide()
        self.hand_over()
        self.decide()

    def tell(self, kind: str, **content: Any) -> Receipt:
        """A fact about it is reported, and booked."""
        (receipt,) = self.office.report(fact(kind, order=self.number, **content))
        self.office.work()
        return receipt

    def state(self) -> str:
        sql = "select o.state from core.orders o join core.order_headers h on h.order_id = o.id where number = %s"
        return str(self.office.rows(sql, self.number)[0][0])

    def steps(self, round_: int = 1) -> list[tuple[str, str]]:
        """What was finished in a round, in order, and by whom."""
        return self.office.rows(
            "select e.step, e.actor from core.events e join core.order_headers using (order_id) where number = %s"
            " and e.round = %s and e.kind in ('passed', 'agreed') order by e.seq",
            self.number,
            round_,
        )
