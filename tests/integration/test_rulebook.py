"""Definitions and policies published while the system runs: checked whole, never changed, found without a restart."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from messages.batch import Department as Name
from shared import rulebook
from shared.catalogue import DefinitionError
from shared.database import Database
from shared.policy import FOLDER as POLICIES
from shared.policy import Policy
from shared.processes import Definition
from shared.rulebook import Kind, LiveRulebook, check, publish, read
from shared.runtime import Runtime
from tests.support.company import raw
from tests.support.definitions import definition_text, step
from tests.support.office import Office, verdicts
from tests.support.orders import NOW
from tests.support.waiting import at_once
from workers.departments import declaration, known_activities

ACTIVITIES = known_activities()
TODAY = date(2026, 6, 15)
TOMORROW = TODAY + timedelta(days=1)
SHORT = {"name": "short", "title": {"zh": "短流程", "en": "Short"}, "sale_types": []}
CHECK = step("check", activity="sales_review.check", roles=["sales_manager"])
LAW = step("law", activity="compliance.check", roles=["compliance_officer"])


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def publish_text(database: Database, text: str, kind: Kind = Kind.PROCESS, person: str = "ada") -> Any:
    with database.transaction() as session:
        return publish(session, kind, text, "draft.toml", person, NOW, ACTIVITIES)


def faults_of(database: Database, text: str, kind: Kind = Kind.PROCESS) -> tuple[str, ...]:
    with pytest.raises(DefinitionError) as refused, database.transaction() as session:
        check(read(session), kind, text, "draft.toml", TODAY, ACTIVITIES)
    return refused.value.faults


def second_standard(**changes: Any) -> str:
    """Version 2 of the process of all sale types: two steps instead of twelve, from tomorrow on."""
    head = {
        "name": "standard", "version": 2, "title": {"zh": "标准", "en": "Standard"},
        "sale_types": ["domestic", "foreign", "internal"], "effective_from": TOMORROW.isoformat(),
    }  # fmt: skip
    return definition_text(CHECK, LAW, **{**head, **changes})


def second_policy(**changes: str) -> str:
    text = (POLICIES / "standard.toml").read_text(encoding="utf-8")
    figures = {"version = 1": "version = 2", "effective_from = 2020-01-01": f"effective_from = {TOMORROW}", **changes}
    for old, new in figures.items():
        assert old in text
        text = text.replace(old, new)
    return text


# -- a running system --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-01", "PRC-06", "PRC-08")
def test_orders_of_both_versions_stand_in_the_queues_at_once_and_each_goes_its_own_way(office: Office) -> None:
    clock = Clock()
    intake = LiveRulebook(office.database, clock)
    # What a department's worker has read before anything was published; it is asked for nothing in the meantime.
    worker = LiveRulebook(office.database, Clock())
    worker.current()
    office.book = intake.current
    office.take(raw("old"))
    publish_text(office.database, second_standard())
    publish_text(office.database, second_policy(), Kind.POLICY)
    office.take(raw("still old"))
    clock.seconds += 1
    office.take(raw("old because of its day"))
    office.now += timedelta(days=1)
    assert verdicts(office.take(raw("new", requested_date="2026-08-01"))) == ["accepted"]
    pins = (
        "select external_id, definition, policy from core.orders join core.order_headers on order_id = id order by id"
    )
    assert office.rows(pins) == [
        ("old", "standard@1", "standard@1"),
        ("still old", "standard@1", "standard@1"),
        ("old because of its day", "standard@1", "standard@1"),
        ("new", "standard@2", "standard@2"),
    ]
    assert "standard@2" not in worker.definitions.entries
    departments = {
        name: Runtime(
            declaration(name), office.database, worker.definitions, worker.policies, office.queue.extend, 3,
            lambda: office.now,
        )
        for name in Name
    }  # fmt: skip
    while office.queue:
        batch = office.queue.pop(0)
        departments[batch.department].handle(batch)
    states = office.states()
    assert states.pop("new") == "archived"  # after its two steps
    assert set(states.values()) == {"shipped"}  # on the long way, the customers have not confirmed receipt yet
    assert office.count("core.dead_letters") == 0
    office.assert_clean()


@pytest.mark.requirement("PRC-01")
def test_news_are_looked_for_at_most_once_a_second(database: Database) -> None:
    clock = Clock()
    live = LiveRulebook(database, clock)
    before = live.current()
    publish_text(database, definition_text(CHECK, **SHORT))
    clock.seconds += 0.999
    assert live.current() is before
    clock.seconds += 0.001
    assert live.current().definitions.get("short@1").steps[0].activity == "sales_review.check"
    clock.seconds += 5
    unchanged = live.current()
    clock.seconds += 5
    assert live.current() is unchanged


@pytest.mark.requirement("PRC-08")
def test_an_edition_that_a_process_cannot_read_leaves_it_with_the_one_before(database: Database) -> None:
    clock = Clock()
    live = LiveRulebook(database, clock)
    before = live.current()
    with database.transaction() as session:  # as a newer version of the program may have written it
        session.write(
            "insert into core.rulebook values ('process', 'short', 1, %s, now(), 'ada')",
            definition_text(CHECK, **SHORT, colour="red"),
        )
        session.write("update core.edition set number = number + 1")
    clock.seconds += 1
    assert live.current() is before
    with pytest.raises(DefinitionError, match="short@1: not in the catalogue"):
        live.definitions.get("short@1")
    with pytest.raises(DefinitionError, match="short@1 as published: unknown key 'colour'"):
        LiveRulebook(database).current()


# -- what is published -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-01", "AUD-01")
def test_what_is_published_is_kept_as_it_was_written_and_recorded(database: Database) -> None:
    text = definition_text(CHECK, **SHORT)
    entry = publish_text(database, text)
    assert isinstance(entry, Definition)
    assert entry.key == "short@1"
    with database.transaction() as session:
        kept = [each for each in rulebook.sources(session, Kind.PROCESS) if each.key == "short@1"]
        log = session.rows("select actor, action, subject from core.audit_log")
    assert [(each.text, each.published_by, each.published_at) for each in kept] == [(text, "ada", NOW)]
    assert log == [("ada", "process.published", "short@1")]


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize(
    "change",
    [
        "update core.rulebook set text = 'x'",
        "update core.rulebook set published_by = 'eve'",
        "delete from core.rulebook",
        "truncate core.rulebook",
    ],
)
def test_a_published_version_never_changes(database: Database, change: str) -> None:
    publish_text(database, definition_text(CHECK, **SHORT))
    refused = (psycopg.IntegrityError, psycopg.errors.InsufficientPrivilege)
    with pytest.raises(refused, match=r"never changes|denied"), database.transaction() as session:
        session.write(change)
    with database.transaction() as session:
        assert session.rows("select published_by, text like '%%check%%' from core.rulebook") == [("ada", True)]


@pytest.mark.requirement("PRC-08")
def test_of_two_who_publish_the_same_version_at_once_one_is_refused(database: Database) -> None:
    refused: list[str] = []

    def one(person: str) -> None:
        try:
            publish_text(database, definition_text(CHECK, **SHORT), person=person)
        except DefinitionError as error:
            refused.extend(error.faults)

    at_once(*[lambda person=person: one(person) for person in ("ada", "bob", "cyd")])
    fault = "draft.toml: short@1: is there already and never changes; the next version is 2"
    assert refused == [fault, fault]
    with database.transaction() as session:
        assert session.rows("select count(*) from core.rulebook") == [(1,)]
        assert session.rows("select number from core.edition") == [(1,)]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-08")
def test_a_draft_is_checked_together_with_all_that_is_there_and_every_fault_has_its_place(database: Database) -> None:
    assert faults_of(database, second_standard(version=1)) == (
        "draft.toml: standard@1: is there already and never changes; the next version is 2",
    )
    rival = second_standard(name="rival", version=1, sale_types=["foreign"])
    assert faults_of(database, rival) == (
        "draft.toml: rival@1 and standard@1: all are active for sale type 'foreign' on 2026-06-16",
    )
    odd = definition_text(step("a", activity="finance.juggle", roles=["cook"]), **SHORT)
    told = faults_of(database, odd)
    assert told[0].startswith("draft.toml: short@1: step 'a': unknown activity 'finance.juggle'; known are after_sales")
    assert told[1].startswith("draft.toml: short@1: step 'a': unknown role 'cook'; known are ")
    assert faults_of(database, definition_text(**SHORT)) == ("draft.toml: there is no step",)


@pytest.mark.requirement("PRC-08")
def test_a_draft_that_closes_a_circle_with_what_was_published_is_refused(database: Database) -> None:
    publish_text(database, definition_text(CHECK, **SHORT))
    there = definition_text(LAW, **{**SHORT, "name": "there"}, ends_in="approved", then="short")
    publish_text(database, there)
    back = definition_text(
        CHECK, **SHORT, version=2, effective_from=TOMORROW.isoformat(), ends_in="approved", then="there"
    )
    assert any("leads round in a circle" in fault for fault in faults_of(database, back))


@pytest.mark.requirement("PRC-06")
def test_documents_of_past_days_are_not_given_another_version(database: Database) -> None:
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    assert faults_of(database, second_standard(effective_from=yesterday)) == (
        "draft.toml: standard@2: effective_from 2026-06-14 is past; the earliest is today, 2026-06-15",
    )
    assert publish_text(database, second_standard(effective_from=TODAY.isoformat())).key == "standard@2"
    assert publish_text(database, definition_text(CHECK, **SHORT, effective_from=yesterday)).key == "short@1"


@pytest.mark.requirement("PRC-06", "PRC-08")
def test_policies_are_published_like_processes(database: Database) -> None:
    fault = faults_of(database, second_policy(**{"salesperson = 0": "cook = 0"}), Kind.POLICY)
    assert fault == ("draft.toml: standard@2: discount_limits_basis_points: unknown role 'cook'",)
    entry = publish_text(database, second_policy(**{"50_000_000": "10_000_000"}), Kind.POLICY)
    assert isinstance(entry, Policy)
    with database.transaction() as session:
        book = read(session)
    assert book.policy(TODAY).senior_threshold_minor == 50_000_000
    assert book.policy(TOMORROW).senior_threshold_minor == 10_000_000
