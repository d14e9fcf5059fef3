"""People at their desks: the whole company over one database, orders at steps that people decide, and who they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from messages.batch import Batch
from shared.catalogue import gather
from shared.database import Database, array
from shared.definitions import parse
from shared.processes import Definition
from shared.rulebook import rulebook
from shared.tasks import Refusal, Transferred, Wish, decide, transfer
from tests.support.company import load_company
from tests.support.definitions import definition_text, step
from tests.support.office import Office
from tests.support.orders import an_order, open_orders

STAFF = {
    "sam": "salesperson sales_supervisor",
    "sue": "sales_supervisor",
    "max": "sales_manager",
    "fiona": "finance_clerk",
    "frank": "finance_clerk",
    "ben": "salesperson",
    "bea": "salesperson",
    "pia": "purchasing",
    "ole": "operator",
    "ada": "administrator",
}
APPROVE = {"activity": "sales_review.approve", "mode": "manual"}
TWO_STEPS = (
    step("sales", roles=["sales_supervisor", "sales_manager"], **APPROVE),
    step("finance", roles=["finance_clerk"], reaches="approved", **APPROVE),
)


def process(*steps: dict[str, Any]) -> Definition:
    """A definition of steps that people decide."""
    return parse(definition_text(*(steps or TWO_STEPS)), "sample.toml")


@dataclass
class Desk(Office):
    """An office whose orders travel one definition."""

    def open(self, count: int = 1, definition: Definition | None = None, **changes: Any) -> list[str]:
        """Orders of sam, as far as they go without a person; returns their ids."""
        chosen = definition or self.definitions.get("sample@1")
        taken = self.count("core.order_headers")
        orders = [an_order(number=f"SO-20260615-{taken + each:06}", **changes) for each in range(1, count + 1)]
        policy = rulebook().policies.get("standard@1")
        self.queue += open_orders(self.database, chosen, policy, orders, self.now)
        self.work()
        return [order.id for order in orders]

    def task(self, order: str, step: str = "") -> str:
        """The open task of an order; of a step, where it has several."""
        (row,) = self.rows(
            "select id from core.user_tasks where order_id = %s and status = 'open' and (%s = '' or step = %s)",
            order,
            step,
            step,
        )
        return str(row[0])

    def says(self, *wishes: Wish) -> list[Refusal | None]:
        """People decide, each on their own; what follows is worked on."""
        with self.database.transaction() as session:
            answers, batches = decide(session, wishes, self.now)
        self.queue += batches
        self.work()
        return answers

    def agree(self, task: str, person: str, **more: Any) -> Refusal | None:
        return self.says(Wish(task, person, "agree", **more))[0]

    def disagree(self, task: str, person: str, **more: Any) -> Refusal | None:
        words = {"reason": "too dear", "requested_change": "a lower price"}
        return self.says(Wish(task, person, "disagree", **words | more))[0]

    def hand_over(self, task: str, person: str, to: str, **more: Any) -> Transferred | Refusal:
        with self.database.transaction() as session:
            wish = Wish(task, person, "transfer", to=to, **more)
            (answer,) = transfer(session, [wish], self.definitions, rulebook().policies, self.now)
        return answer

    def waiting(self) -> list[Batch]:
        """The messages of batches that stand in the database, as rescue sends them."""
        rows = self.rows("select id, department, kind, cardinality(ids) from core.batches order by id")
        return [Batch(id=row[0], department=row[1], kind=row[2], size=row[3]) for row in rows]

    def change(self, sql: str, *params: object) -> None:
        with self.database.transaction() as session:
            session.write(sql, *params)

    def events(self, order: str, kind: str) -> list[tuple[str, str]]:
        """Actor and data of an order's events of one kind."""
        sql = "select actor, data from core.events where order_id = %s and kind = %s order by seq"
        return [(row[0], row[1]) for row in self.rows(sql, order, kind)]


def staff(database: Database, people: dict[str, str]) -> None:
    with database.transaction() as session:
        session.write(
            "insert into core.staff (id, name, roles) select v.id, v.id, string_to_array(v.roles, ' ')"
            " from unnest(%s::text[], %s::text[]) as v(id, roles)"
            " on conflict (id) do update set roles = excluded.roles",
            array(list(people)),
            array(list(people.values())),
        )


@pytest.fixture
def desk(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    """The tiny company with the people above; parametrised with steps, or with TWO_STEPS."""
    steps: Sequence[dict[str, Any]] = getattr(request, "param", ())
    load_company(database, tmp_path)
    staff(database, STAFF)
    return Desk(database, definitions=gather([process(*steps), *rulebook().definitions.entries.values()]))


def steps(*given: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("desk", [given], indirect=True)
