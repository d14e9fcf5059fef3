"""The 400 sample orders through the whole system, simulated staff and world included, held to the company's README."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from shared.audit import Verdict, audit
from shared.calendar import BUSINESS_ZONE
from shared.database import Database, open_database
from shared.settings import Settings
from tests.support.tables import counts, sections
from tests.support.waiting import until
from workers.demo.autopilot import Autopilot
from workers.demo.company import FOLDER
from workers.demo.sample import SAMPLE_SIZE, sample_orders
from workers.demo.subscriber import Subscriber, publish_orders
from workers.departments import invariants
from workers.masterdata import load_folder
from workers.system import running_system

README = sections(FOLDER / "README.md")
AT_REST = {"archived", "returned", "cancelled"}

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Outcome:
    """What became of the sample orders: figures under the headings of the README, and what was left over."""

    figures: dict[str, dict[str, int]]
    left_over: dict[str, int]
    verdict: Verdict
    done_again: int
    """What another autopilot found to do afterwards."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    settings = Settings(home=tmp_path_factory.mktemp("company"), database_url="", broker_url="")
    with signals_kept(), running_system(settings, threading.Event()) as system:
        database = open_database(system.database_url, settings, pool=2)
        saved, faults = load_folder(database, FOLDER)
        assert (sorted(saved), faults) == (sorted(path.stem for path in FOLDER.glob("*.csv")), [])
        publish_orders(system.broker_url, sample_orders(datetime.now(UTC).astimezone(BUSINESS_ZONE).date()))
        subscriber = fly(database, system.broker_url)
        another = Autopilot(database, system.broker_url)
        done_again = another.tick()
        another.close()
        verdict = audit(database, invariants())
        with database.transaction() as session:
            figures: dict[str, dict[str, int]] = {name: dict(session.rows(sql)) for name, sql in FIGURES.items()}
            left_over: dict[str, int] = dict(session.rows(LEFT_OVER))
        database.close()
    figures["Submissions"] |= {"submitted": subscriber.answered, "repeated": subscriber.repeated}
    return Outcome(figures, left_over, verdict, done_again)


def fly(database: Database, broker_url: str) -> Subscriber:
    """Let the autopilot act until every submission is answered, every order at rest, and nobody has anything to do."""
    pilot, subscriber = Autopilot(database, broker_url), Subscriber(broker_url)

    def finished() -> bool:
        subscriber.read()
        rested = subscriber.answered == SAMPLE_SIZE and set(subscriber.states.values()) <= AT_REST
        pilot.tick()
        return rested and pilot.quiet_ticks > 1

    until(finished, seconds=90, what="every order to come to rest")
    pilot.close()
    return subscriber


@contextmanager
def signals_kept() -> Iterator[None]:
    """Give Ctrl-C back to pytest afterwards."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-03", "ENT-05", "ENT-10")
def test_submissions_are_taken_recognised_or_refused(outcome: Outcome) -> None:
    assert outcome.figures["Submissions"] == counts(README["Submissions"])
    assert outcome.figures["Refused because"] == counts(README["Refused because"])


@pytest.mark.requirement("TRK-01", "APR-08", "APR-09", "AFT-09")
def test_orders_end_as_expected(outcome: Outcome) -> None:
    assert outcome.figures["End states"] == counts(README["End states"])


@pytest.mark.requirement(
    "SAL-01", "SAL-03", "SAL-04", "SAL-06", "FIN-01", "FIN-02", "FIN-03", "FIN-04", "CMP-01", "PRC-05", "WHS-10",
    "LOG-01",
)  # fmt: skip
def test_rules_find_what_they_must_and_no_more(outcome: Outcome) -> None:
    assert outcome.figures["Findings"] == counts(README["Findings"])


@pytest.mark.requirement("FIN-05", "WHS-04", "AFT-01", "SET-01")
def test_orders_wait_for_the_world_where_they_must(outcome: Outcome) -> None:
    assert outcome.figures["Waiting for the world"] == counts(README["Waiting for the world"])


@pytest.mark.requirement("APR-02", "APR-03", "APR-05", "APR-07")
def test_people_decide_by_their_habits(outcome: Outcome) -> None:
    assert outcome.figures["User tasks"] == counts(README["User tasks"])


@pytest.mark.requirement("SET-02", "AFT-08")
def test_wrong_reports_are_refused(outcome: Outcome) -> None:
    assert outcome.figures["Refused facts"] == counts(README["Refused facts"])


@pytest.mark.requirement("PLT-03", "AUD-01")
def test_nothing_waits_nothing_is_dead_and_the_books_are_in_order(outcome: Outcome) -> None:
    assert outcome.left_over == dict.fromkeys(outcome.left_over, 0)
    assert outcome.verdict.breaches == ()
    assert outcome.verdict.orders == counts(README["Submissions"])["accepted"]
    assert outcome.done_again == 0


FIGURES = {
    "Submissions": """
        select 'accepted', count(*) from core.orders
        union all
        select case kind when 'order' then 'refused' else kind end, count(*) from core.refusals
        where kind <> 'fact' group by kind
    """,
    "Refused because": """
        select e ->> 'code', count(distinct r.id) from core.refusals r
        cross join lateral json_array_elements(r.errors) e where r.kind = 'order' group by 1
    """,
    "End states": """
        select state, count(*) from core.orders group by state
        union all
        select 'clean', count(*) from core.orders o where o.state = 'archived' and o.round = 1
            and not exists (select from core.user_tasks t where t.order_id = o.id)
        union all
        select 'resubmitted', count(distinct order_id) from core.events where kind = 'resubmitted'
    """,
    "Findings": """
        select f ->> 'code', count(distinct e.order_id) from core.events e
        cross join lateral json_array_elements(e.data -> 'findings') f group by 1
    """,
    "Waiting for the world": """
        select step, count(distinct order_id) from core.events where kind = 'waiting' group by step
    """,
    "User tasks": """
        select decision, count(*) from core.user_tasks where decision is not null group by decision
        union all
        select 'transfer', count(*) from core.events where kind = 'transferred'
    """,
    "Refused facts": """
        select f ->> 'code', count(*) from core.facts cross join lateral json_array_elements(refused) f group by 1
        union all
        select e ->> 'code', count(*) from core.refusals r cross join lateral json_array_elements(r.errors) e
        where r.kind = 'fact' group by 1
        union all
        select 'unmatched', count(*) from finance.unmatched_payments
    """,
}
LEFT_OVER = """
select 'tasks', count(*) from core.user_tasks where status = 'open'
union all select 'waits', count(*) from core.waits
union all select 'batches', count(*) from core.batches
union all select 'dead letters', count(*) from core.dead_letters where resolution is null
union all select 'facts', count(*) from core.facts where handled_at is null
"""
