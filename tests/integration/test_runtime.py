"""The life of a batch against a real PostgreSQL: guards, splitting, retries, dead letters, people, waits, undoing."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messages.batch import Batch, BatchKind
from messages.batch import Department as Name
from shared import policy
from shared.audit import audit
from shared.batches import Ref, write_batches
from shared.catalogue import gather
from shared.database import ROLE, Database, Session, array
from shared.definitions import parse
from shared.department import Department, Outcome, Passed, Referred, Returned, Unworkable, Visit, Waiting, finding
from shared.journal import Journal
from shared.processes import Definition
from shared.runtime import Runtime, wake_orders
from shared.standings import lock_standings
from shared.tasks import Refusal, Wish, decide, transfer
from tests.support.database import AS_OWNER, UNGUARDED
from tests.support.orders import NOW, an_order, open_orders

POLICIES = policy.load()
POLICY = POLICIES.get("standard@1")
PROCESS = """
name = "two"
version = 1
title = { zh = "两步", en = "Two steps" }
sale_types = []
effective_from = 2020-01-01
ends_in = "archived"

[[step]]
id = "first"
activity = "finance.first"
mode = "MODE"
roles = ["finance_clerk"]
deadline = "1 working day"
on_disagree = "return"

[[step]]
id = "second"
activity = "warehouse.second"
mode = "auto"
roles = ["warehouse_keeper"]
deadline = "1 working day"
on_disagree = "return"
reaches = "approved"
"""


@dataclass
class Ledger:
    """Facts and effects of the test's activity: every order that passes leaves one row in `effects`."""

    absorbed: list[str] = field(default_factory=list)

    def absorb(self, effect: str, /) -> None:
        self.absorbed.append(effect)


@dataclass
class Scripted:
    """An activity that does what the test says, with effects in a real table."""

    name: str
    rule: Callable[[Visit], Outcome]

    def load(self, session: Session, visits: Sequence[Visit], /) -> Ledger:
        return Ledger()

    def decide(self, visit: Visit, facts: Ledger, /) -> Outcome:
        return self.rule(visit)

    def save(self, session: Session, effects: Sequence[str], /) -> None:
        session.write("insert into effects select %s, * from unnest(%s::uuid[])", self.name, array(effects))

    def undo(self, session: Session, visits: Sequence[Visit], /) -> None:
        ids = array([visit.order.id for visit in visits])
        session.write("delete from effects where activity = %s and order_id = any(%s::uuid[])", self.name, ids)


def passes(visit: Visit) -> Outcome:
    return Passed((visit.order.id,))


@dataclass
class World:
    """Two departments over one database, and the messages that nobody has handled yet."""

    database: Database
    definition: Definition
    departments: dict[Name, Runtime]
    queue: list[Batch] = field(default_factory=list)

    def submit(self, count: int = 1, **changes: Any) -> list[str]:
        orders = [an_order(**changes) for _ in range(count)]
        self.queue += open_orders(self.database, self.definition, POLICY, orders)
        return [order.id for order in orders]

    def run(self) -> None:
        while self.queue:
            batch = self.queue.pop(0)
            self.departments[batch.department].handle(batch)

    def states(self) -> dict[str, str]:
        with self.database.transaction() as session:
            return dict(session.rows("select id, state from core.orders"))

    def count(self, table: str, where: str = "true") -> int:
        with self.database.transaction() as session:
            found = session.row(f"select count(*) from {table} where {where}")
            assert found
            return int(found[0])

    def decide(self, choice: str, person: str = "fiona", **more: Any) -> list[str | None]:
        with self.database.transaction() as session:
            tasks = [row[0] for row in session.rows("select id from core.user_tasks where status = 'open'")]
            answers, batches = decide(session, [Wish(task, person, choice, **more) for task in tasks], NOW)
        self.queue += batches
        return [answer.code if answer else None for answer in answers]

    def cancel(self, order_id: str) -> bool:
        journal = Journal(NOW)
        with self.database.transaction() as session:
            definitions = self.departments[Name.FINANCE].definitions
            folders = lock_standings(session, [order_id], definitions, POLICIES)
            done = journal.cancel(folders[order_id], "shop", {"reason": "changed their mind"})
            batches = journal.write(session)
        self.queue += batches
        return done

    def assert_clean(self) -> None:
        assert audit(self.database, []).breaches == ()


@pytest.fixture
def world(database: Database, request: pytest.FixtureRequest) -> World:
    first, second, mode = getattr(request, "param", (passes, passes, "auto"))
    definition = parse(PROCESS.replace("MODE", mode), "two.toml")
    with database.transaction() as session:
        session.write(AS_OWNER)
        session.write("create table effects (activity text, order_id uuid, primary key (activity, order_id))")
        session.write(f"grant all on effects to {ROLE}")
        session.write(
            "insert into core.staff (id, name, roles) values ('fiona', 'Fiona', '{finance_clerk}'),"
            " ('frank', 'Frank', '{finance_clerk}'), ('sam', 'Sam', '{salesperson,finance_clerk}'),"
            " ('wei', '伟', '{warehouse_keeper}')"
        )
    world = World(database, definition, {})
    for name, activity, rule in (
        (Name.FINANCE, "finance.first", first),
        (Name.WAREHOUSE, "warehouse.second", second),
    ):
        department = Department(name)
        department.activities[activity] = Scripted(activity, rule)
        world.departments[name] = Runtime(
            department, database, gather([definition]), POLICIES, world.queue.extend, attempts=3, now=lambda: NOW
        )
    return world


def rules(
    first: Callable[[Visit], Outcome] = passes, second: Callable[[Visit], Outcome] = passes, mode: str = "auto"
) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", [(first, second, mode)], indirect=True)


@pytest.mark.requirement("PLT-01", "TRK-01")
def test_orders_pass_both_departments_and_end(world: World) -> None:
    ids = world.submit(5)
    world.run()
    assert world.states() == dict.fromkeys(ids, "archived")
    assert world.count("effects") == 10
    assert world.count("core.batches") == 0
    world.assert_clean()


@pytest.mark.requirement("PLT-03")
def test_a_repeated_message_has_no_second_effect(world: World) -> None:
    world.submit(3)
    world.queue *= 2
    world.run()
    assert world.count("effects") == 6
    assert world.departments[Name.FINANCE].counters.duplicates == 1
    world.assert_clean()


@pytest.mark.requirement("PLT-03")
def test_an_order_no_longer_at_the_step_is_left_alone(world: World) -> None:
    (order_id,) = world.submit(1)
    stale = Ref(order_id, 1, "first")
    world.run()
    with world.database.transaction() as session:
        world.queue += write_batches(session, {(Name.FINANCE, BatchKind.STEPS): [stale]}, NOW)
    world.run()
    assert world.count("effects") == 2
    assert world.departments[Name.FINANCE].counters.stale == 1
    world.assert_clean()


def test_two_workers_with_the_same_message_do_the_work_once(world: World) -> None:
    world.submit(50)
    batch = world.queue.pop()
    finance = world.departments[Name.FINANCE]
    threads = [threading.Thread(target=finance.handle, args=(batch,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert world.count("effects") == 50
    assert finance.counters.duplicates == 3


def fails_for_odd(visit: Visit) -> Outcome:
    if visit.order.external_id == "bad":
        raise RuntimeError("this order cannot be worked on")
    return passes(visit)


@rules(first=fails_for_odd)
@pytest.mark.requirement("PLT-04")
def test_a_failing_order_does_not_hold_up_its_neighbours(world: World) -> None:
    good = [an_order() for _ in range(9)]
    bad = an_order(external_id="bad")
    world.queue += open_orders(world.database, world.definition, POLICY, [*good[:4], bad, *good[4:]])
    world.run()
    states = world.states()
    assert {states[order.id] for order in good} == {"archived"}
    assert states[bad.id] == "in_review"
    # alone in its batch now, waiting for its next try
    assert world.count("core.batches", "attempts = 1 and due_at is not null and cardinality(ids) = 1") == 1
    world.assert_clean()


@rules(first=fails_for_odd)
@pytest.mark.requirement("PLT-04", "PLT-06")
def test_after_its_last_try_an_order_is_a_dead_letter(world: World) -> None:
    bad = an_order(external_id="bad")
    world.queue += open_orders(world.database, world.definition, POLICY, [bad])
    batch = world.queue[0]
    for _ in range(3):
        world.departments[Name.FINANCE].handle(batch)
    assert world.count("core.dead_letters", "reason = 'RuntimeError' and attempts = 3") == 1
    assert world.count("core.batches") == 0
    world.assert_clean()


def never(visit: Visit) -> Outcome:
    raise Unworkable("this can never be done")


@rules(first=never)
def test_what_can_never_succeed_is_not_tried_again(world: World) -> None:
    world.submit(1)
    world.run()
    assert world.count("core.dead_letters", "reason = 'Unworkable' and attempts = 1") == 1
    world.assert_clean()


def over_limit(visit: Visit) -> Outcome:
    return Referred((finding("credit.over_limit", limit_minor=1),), (visit.order.id,))


@rules(first=over_limit)
@pytest.mark.requirement("PRC-09", "APR-04")
def test_a_person_agrees_and_the_effects_are_saved(world: World) -> None:
    ids = world.submit(2)
    world.run()
    assert world.count("effects") == 0
    assert world.count("core.user_tasks", "status = 'open'") == 2
    world.assert_clean()
    assert world.decide("agree") == [None, None]
    world.run()
    assert world.states() == dict.fromkeys(ids, "archived")
    assert world.count("core.events", "kind = 'agreed' and actor = 'fiona'") == 2
    assert world.count("effects") == 4
    world.assert_clean()


@rules(mode="manual")
@pytest.mark.requirement("PRC-09")
def test_a_manual_step_always_asks(world: World) -> None:
    world.submit(1)
    world.run()
    assert world.count("core.user_tasks", "status = 'open'") == 1
    assert world.count("effects") == 0


@rules(first=over_limit)
@pytest.mark.requirement("APR-17", "APR-04", "AUD-01")
def test_who_may_not_decide_is_refused_and_the_attempt_recorded(world: World) -> None:
    world.submit(1)
    world.run()
    assert world.decide("agree", "sam") == ["task.creator"]
    assert world.decide("agree", "wei") == ["task.role"]
    assert world.decide("agree", "nobody") == ["task.person"]
    assert world.decide("perhaps") == ["task.choice"]
    assert world.decide("disagree", reason="no", requested_change=" ") == ["task.says_why"]
    assert world.count("core.audit_log") == 5
    assert world.count("core.user_tasks", "status = 'open'") == 1


@rules(first=over_limit)
@pytest.mark.requirement("APR-04")
def test_of_two_decisions_one_wins_and_the_other_is_told_who(world: World) -> None:
    world.submit(1)
    world.run()
    with world.database.transaction() as session:
        (task,) = session.row("select id from core.user_tasks") or ()
    barrier = threading.Barrier(2)
    answers: dict[str, Any] = {}

    def press(person: str) -> None:
        barrier.wait(5)
        with world.database.transaction() as session:
            answers[person], batches = decide(session, [Wish(task, person, "agree")], NOW)
        world.queue.extend(batches)

    threads = [threading.Thread(target=press, args=(person,)) for person in ("fiona", "frank")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    refused = [answer[0] for answer in answers.values() if answer[0]]
    winner = next(person for person, answer in answers.items() if answer[0] is None)
    assert [answer.code for answer in refused] == ["task.decided"]
    assert refused[0].values["by"] == winner
    world.run()
    assert world.count("core.events", "kind = 'agreed'") == 1


@rules(first=over_limit)
@pytest.mark.requirement("APR-05")
def test_after_a_transfer_only_the_other_may_decide(world: World) -> None:
    world.submit(1)
    world.run()
    with world.database.transaction() as session:
        (task,) = session.row("select id from core.user_tasks") or ()
    for to, code in (
        ("fiona", "task.transfer_to_self"),
        ("sam", "task.creator"),
        ("wei", "task.role"),
        ("frank", None),
    ):
        with world.database.transaction() as session:
            definitions = world.departments[Name.FINANCE].definitions
            (answer,) = transfer(session, [Wish(task, "fiona", "transfer", to=to)], definitions, POLICIES, NOW)
        assert (answer.code if isinstance(answer, Refusal) else None) == code
    assert world.decide("agree", "fiona") == ["task.assigned"]
    assert world.decide("agree", "frank") == [None]
    world.run()
    assert world.count("core.events", "kind = 'transferred'") == 1
    world.assert_clean()


@rules(second=over_limit)
@pytest.mark.requirement("APR-03", "APR-08", "WHS-02")
def test_a_disagreement_returns_the_order_and_undoes_what_it_obtained(world: World) -> None:
    (order_id,) = world.submit(1)
    world.run()
    assert world.count("effects") == 1
    assert world.decide("disagree", "wei", reason="no stock of this", requested_change="take another") == [None]
    world.run()
    assert world.states() == {order_id: "returned"}
    assert world.count("effects") == 0
    assert world.count("core.batches") == 0
    world.assert_clean()


def gives_back(visit: Visit) -> Outcome:
    return Returned((finding("order.incomplete"),))


@rules(second=gives_back)
def test_a_rule_may_return_the_order(world: World) -> None:
    (order_id,) = world.submit(1)
    world.run()
    assert world.states() == {order_id: "returned"}
    assert world.count("effects") == 0
    world.assert_clean()


def waits(visit: Visit) -> Outcome:
    if visit.now > NOW:
        return passes(visit)
    return Waiting((f"payment:{visit.order.id}", "stock:P001"), NOW + timedelta(days=1))


@rules(first=waits)
@pytest.mark.requirement("WHS-04")
def test_a_waiting_order_goes_on_when_woken(world: World) -> None:
    ids = world.submit(3)
    world.run()
    assert world.count("core.waits") == 6
    world.assert_clean()
    finance = world.departments[Name.FINANCE]
    object.__setattr__(finance, "now", lambda: NOW + timedelta(hours=1))
    with world.database.transaction() as session:
        world.queue += wake_orders(session, {f"payment:{ids[0]}"}, NOW)
    world.run()
    assert world.states()[ids[0]] == "archived"
    assert world.count("core.waits") == 4
    with world.database.transaction() as session:
        world.queue += wake_orders(session, {"stock:P001", f"payment:{ids[1]}"}, NOW)
    world.run()
    assert set(world.states().values()) == {"archived"}
    assert world.count("core.waits") == 0
    world.assert_clean()


@rules(second=waits)
@pytest.mark.requirement("WHS-02")
def test_cancelling_undoes_every_step(world: World) -> None:
    (order_id,) = world.submit(1)
    world.run()
    assert world.count("effects") == 1
    assert world.cancel(order_id)
    assert world.states() == {order_id: "cancelling"}
    world.assert_clean()
    world.run()
    assert world.states() == {order_id: "cancelled"}
    assert world.count("effects") == 0
    assert world.count("core.waits") == 0
    assert not world.cancel(order_id)
    world.assert_clean()


def test_an_archived_order_is_not_cancelled(world: World) -> None:
    (order_id,) = world.submit(1)
    world.run()
    assert not world.cancel(order_id)
    assert world.states() == {order_id: "archived"}
    assert world.count("core.events", "kind = 'cancellation_refused'") == 1
    world.assert_clean()


@pytest.mark.requirement("AUD-02")
@pytest.mark.parametrize(
    "tampering",
    [
        "update core.events set actor = 'somebody else' where seq = 2",
        "update core.events set data = '{}' where seq = 2",
        "delete from core.events where seq = 2",
        "update core.events set at = at + interval '1 microsecond' where seq = 1",
        "update core.orders set state = 'returned'",
        "delete from core.order_documents",
    ],
)
def test_the_audit_finds_tampering(world: World, tampering: str) -> None:
    world.submit(1)
    world.run()
    world.assert_clean()
    with world.database.transaction() as session:
        session.write(AS_OWNER)
        session.write(UNGUARDED)
        session.write(tampering)
    assert audit(world.database, []).breaches


def test_an_order_without_an_owner_is_found(world: World) -> None:
    world.submit(1)
    with world.database.transaction() as session:
        session.write("delete from core.batches")
    assert [breach.invariant for breach in audit(world.database, []).breaches] == ["order.open_step_has_one_owner"]


def test_a_deadlock_runs_the_whole_transaction_again(world: World) -> None:
    """Two batches that lock two rows in opposite order: one is chosen as victim and simply runs again."""
    barrier = threading.Barrier(2)
    met: set[str] = set()

    def rule(visit: Visit) -> Outcome:
        return passes(visit)

    class Crossing(Scripted):
        def load(self, session: Session, visits: Sequence[Visit], /) -> Ledger:
            mine = visits[0].order.id
            keys = ("a", "b") if mine == ids[0] else ("b", "a")
            session.rows("select * from crossing where key = %s for update", keys[0])
            if mine not in met:
                met.add(mine)
                barrier.wait(5)
            session.rows("select * from crossing where key = %s for update", keys[1])
            return Ledger()

    with world.database.transaction() as session:
        session.write(AS_OWNER)
        session.write("create table crossing (key text primary key)")
        session.write(f"grant all on crossing to {ROLE}")
        session.write("insert into crossing values ('a'), ('b')")
    finance = world.departments[Name.FINANCE]
    finance.department.activities["finance.first"] = Crossing("finance.first", rule)
    ids = world.submit(1) + world.submit(1)
    batches = [world.queue.pop(), world.queue.pop()]
    threads = [threading.Thread(target=finance.handle, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    world.run()
    assert set(world.states().values()) == {"archived"}
    assert world.count("effects") == 4
    world.assert_clean()


GROUP = PROCESS.replace("MODE", "auto").replace('on_disagree = "return"\n', 'on_disagree = "return"\ngroup = "both"\n')
GROUP = GROUP.replace('reaches = "approved"\n', "")


@pytest.mark.requirement("APR-06", "PRC-09")
def test_departments_of_a_parallel_group_work_at_once_and_join_once(world: World) -> None:
    """Both hold the same orders: the second waits for the first's commit and goes on from what it wrote."""
    definition = parse(GROUP, "group.toml")
    for runtime in world.departments.values():
        object.__setattr__(runtime, "definitions", gather([definition]))
    world.queue += open_orders(world.database, definition, POLICY, [an_order() for _ in range(100)])
    assert sorted(batch.department for batch in world.queue) == ["finance", "warehouse"]
    barrier = threading.Barrier(2)

    def work(batch: Batch) -> None:
        barrier.wait(5)
        world.departments[batch.department].handle(batch)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in world.queue]
    world.queue.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert world.queue == []
    assert set(world.states().values()) == {"archived"}
    assert world.count("effects") == 200
    assert world.count("core.events", "state = 'archived'") == 100
    world.assert_clean()


@pytest.mark.requirement("APR-06")
def test_in_a_parallel_group_one_disagreement_closes_the_others_tasks(world: World) -> None:
    definition = parse(GROUP.replace('mode = "auto"', 'mode = "manual"'), "group.toml")
    for runtime in world.departments.values():
        object.__setattr__(runtime, "definitions", gather([definition]))
    world.queue += open_orders(world.database, definition, POLICY, [an_order()])
    world.run()
    assert world.count("core.user_tasks", "status = 'open'") == 2
    with world.database.transaction() as session:
        (task,) = session.row("select id from core.user_tasks where department = 'finance'") or ()
        _, batches = decide(session, [Wish(task, "fiona", "disagree", "too dear", "a lower price")], NOW)
    world.queue += batches
    world.run()
    assert world.count("core.user_tasks", "status = 'closed'") == 1
    assert set(world.states().values()) == {"returned"}
    world.assert_clean()


@pytest.mark.requirement("CMP-04")
def test_where_opinions_are_only_recorded_a_disagreement_answers_the_step_and_returns_nothing(world: World) -> None:
    text = GROUP.replace('mode = "auto"', 'mode = "manual"').replace('on_disagree = "return"', 'on_disagree = "record"')
    definition = parse(text, "group.toml")
    for runtime in world.departments.values():
        object.__setattr__(runtime, "definitions", gather([definition]))
    world.queue += open_orders(world.database, definition, POLICY, [an_order()])
    world.run()
    for department, person, choice, reason, change in (
        ("finance", "fiona", "disagree", "too dear", "a lower price"),
        ("warehouse", "wei", "agree", "", ""),
    ):
        assert set(world.states().values()) == {"in_review"}, "nothing goes on before all have answered"
        with world.database.transaction() as session:
            (task,) = session.row("select id from core.user_tasks where department = %s", department) or ()
            (answer,), batches = decide(session, [Wish(task, person, choice, reason, change)], NOW)
        assert answer is None
        world.queue += batches
        world.run()
    assert set(world.states().values()) == {"archived"}
    assert world.count("core.user_tasks", "status = 'closed'") == 0
    assert world.count("core.events", "kind = 'opinion' and data->>'reason' = 'too dear'") == 1
    world.assert_clean()


@pytest.mark.requirement("CMP-05")
@pytest.mark.parametrize(
    ("choice", "reason", "change", "clause", "missing"),
    [
        ("agree", " ", "", "", "reason"),
        ("agree", "clear", "", "", None),
        ("disagree", "", "", " ", "reason clause requested_change"),
        ("disagree", "unclear", "say 30 days", "", "clause"),
        ("disagree", "unclear", "\n", "§ 7", "requested_change"),
        ("disagree", "unclear", "say 30 days", "§ 7", None),
    ],
)
def test_an_opinion_in_writing_names_what_it_lacks(
    world: World, choice: str, reason: str, change: str, clause: str, missing: str | None
) -> None:
    text = PROCESS.replace("MODE", "manual").replace("[[step]]", "[[step]]\noptions = { opinion = true }")
    definition = parse(text, "opinion.toml")
    object.__setattr__(world.departments[Name.FINANCE], "definitions", gather([definition]))
    world.queue += open_orders(world.database, definition, POLICY, [an_order()])
    world.run()
    with world.database.transaction() as session:
        (task,) = session.row("select id from core.user_tasks") or ()
        (answer,), _ = decide(session, [Wish(task, "fiona", choice, reason, change, clause=clause)], NOW)
    assert (answer and (answer.code, answer.values["missing"])) == (("task.opinion", missing) if missing else None)
    assert world.count("core.user_tasks", "status = 'decided'") == (0 if missing else 1)
    assert world.count("core.audit_log") == (1 if missing else 0)


@pytest.mark.requirement("APR-06")
@pytest.mark.parametrize(
    ("world", "end"),
    [((gives_back, passes, "auto"), "returned"), ((passes, passes, "auto"), "archived")],
    indirect=["world"],
)
def test_two_steps_of_one_department_in_a_group_are_decided_one_after_the_other(world: World, end: str) -> None:
    """The first returns the order: the second, in the same batch, must not ask a person about it any more."""
    definition = parse(GROUP.replace("warehouse.second", "finance.second"), "group.toml")
    finance = world.departments[Name.FINANCE]
    object.__setattr__(finance, "definitions", gather([definition]))
    second = over_limit if end == "returned" else passes
    finance.department.activities["finance.second"] = Scripted("finance.second", second)
    ids = [order.id for order in (an_order(), an_order())]
    world.queue += open_orders(world.database, definition, POLICY, [an_order(each) for each in ids])
    assert len(world.queue) == 1
    world.run()
    assert world.states() == dict.fromkeys(ids, end)
    assert world.count("core.user_tasks", "status = 'open'") == 0
    world.assert_clean()


def test_time_in_history_is_the_one_that_rules_saw(world: World) -> None:
    world.submit(1)
    world.run()
    with world.database.transaction() as session:
        times = {row[0] for row in session.rows("select at from core.events")}
    assert times == {NOW}
    assert NOW.tzinfo is UTC
    assert isinstance(NOW, datetime)
