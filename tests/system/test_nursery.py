"""The nursery: what it forks is a process of its own, and neither its death nor theirs loses or orphans anybody."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.supervised import ROOT, alive, child, command, nursery_child
from tests.support.waiting import until
from workers.nursery import UNKNOWN_CODE, Nursery, opened_nursery
from workers.supervisor import Child, ChildFailed, ChildState, Supervisor
from workers.system import SHARED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking needs Linux")
UNWANTED = threading.Event().is_set  # it never is


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with opened_nursery() as nursery:
        assert nursery
        yield nursery


@pytest.fixture
def supervisor(nursery: Nursery, tmp_path: Path) -> Iterator[Supervisor]:
    """With a running nursery."""
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start([nursery_child(nursery)], threading.Event())
        yield supervisor


@pytest.fixture
def stop_event() -> threading.Event:
    return threading.Event()


def state(supervisor: Supervisor, name: str) -> ChildState:
    [found] = [one for one in supervisor.states() if one.name == name]
    return found


def process(supervisor: Supervisor, name: str) -> psutil.Process:
    return psutil.Process(state(supervisor, name).pid)


def restarted(supervisor: Supervisor, name: str) -> ChildState:
    """Its state as soon as it is ready again."""
    return until(lambda: [one for one in [state(supervisor, name)] if one.restarts and one.ready], seconds=20).pop()


def portraits(supervisor: Supervisor, nursery: Nursery, *names: str) -> list[dict[str, Any]]:
    group = [child(name, "portrait", f"{name}'s", "HOME", nursery=nursery) for name in names]
    return [json.loads(said) for said in supervisor.start(group, threading.Event()).values()]


# --- what is forked ---


def test_a_forked_process_is_one_of_its_own(supervisor: Supervisor, nursery: Nursery) -> None:
    first, second = portraits(supervisor, nursery, "first", "second")
    assert [first["argument"], second["argument"]] == ["first's", "second's"]
    assert [first["name"], second["name"]] == ["first", "second"]
    assert first["pid"] == first["session"] == state(supervisor, "first").pid
    assert process(supervisor, "first").ppid() == state(supervisor, "nursery").pid
    assert first["variable"] == os.environ["HOME"]
    assert first["threads"] == second["threads"] == 1


def test_it_keeps_nothing_that_is_the_nurserys_or_its_siblings(supervisor: Supervisor, nursery: Nursery) -> None:
    standard_streams_and_lifeline = 4
    for each in portraits(supervisor, nursery, "first", "second", "third"):
        assert each["descriptors"] == standard_streams_and_lifeline


def test_processes_of_one_nursery_do_not_make_the_same_ids(supervisor: Supervisor, nursery: Nursery) -> None:
    ids = [each for portrait in portraits(supervisor, nursery, "first", "second") for each in portrait["ids"]]
    assert len(set(ids)) == 200


def test_its_own_environment_stands_over_the_nurserys(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event
) -> None:
    arguments = command("portrait", "", "ORDERFLOW_DATABASE_URL")
    group = [
        Child("one", arguments, {"ORDERFLOW_DATABASE_URL": "postgresql://one"}, nursery=nursery),
        Child("other", arguments, nursery=nursery),
    ]
    answers = supervisor.start(group, stop_event)
    assert [json.loads(answers[name])["variable"] for name in ("one", "other")] == ["postgresql://one", None]


def test_the_nursery_of_the_system_has_one_thread_and_no_connection(
    nursery: Nursery, tmp_path: Path, stop_event: threading.Event
) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([nursery_child(nursery, SHARED)], stop_event)
        running = process(supervisor, "nursery")
        assert running.num_threads() == 1
        assert running.net_connections("inet") == []
        standard_streams_lifeline_and_requests = 5
        assert running.num_fds() == standard_streams_lifeline_and_requests


def test_what_only_supervises_loads_no_client_of_database_or_broker() -> None:
    loaded = "import sys, workers.cli, workers.system; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "pydantic" in said.split()
    assert not {"sqlalchemy", "psycopg", "redis", "kombu", "dramatiq"} & {*said.split()}


def test_what_it_says_before_it_fails_is_reported(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event
) -> None:
    with pytest.raises(ChildFailed, match="first line\n  the last words\n  ended with code 1"):
        supervisor.start([child("broken", "broken", nursery=nursery)], stop_event)


def test_a_module_that_cannot_be_imported_is_reported(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event
) -> None:
    with pytest.raises(ChildFailed, match="No module named 'nowhere'"):
        supervisor.start([Child("absent", [sys.executable, "-m", "nowhere"], nursery=nursery)], stop_event)


def test_a_nursery_that_cannot_import_is_reported(
    nursery: Nursery, tmp_path: Path, stop_event: threading.Event
) -> None:
    with Supervisor(tmp_path) as supervisor, pytest.raises(ChildFailed, match="No module named 'nowhere'"):
        supervisor.start([nursery_child(nursery, ["nowhere"])], stop_event)


def test_a_process_runs_once_to_its_end(supervisor: Supervisor, nursery: Nursery) -> None:
    supervisor.run(child("done", "brief", "0", nursery=nursery))
    with pytest.raises(ChildFailed, match="the last words"):
        supervisor.run(child("broken", "broken", nursery=nursery))


# --- ends ---


@pytest.mark.requirement("PLT-01")
def test_a_killed_child_is_forked_again_later_and_alone(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event, tmp_path: Path
) -> None:
    supervisor.start([child(name, "brief", "60", nursery=nursery) for name in ("killed", "steady")], stop_event)
    process(supervisor, "killed").kill()
    assert restarted(supervisor, "killed").restarts == 1
    assert state(supervisor, "steady").restarts == state(supervisor, "nursery").restarts == 0
    assert "ended with code -9" in (tmp_path / "logs" / "killed.log").read_text()


def test_a_child_that_does_not_heed_sigterm_is_killed_after_its_grace(
    nursery: Nursery, tmp_path: Path, stop_event: threading.Event
) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([nursery_child(nursery)], stop_event)
        supervisor.start([child("stubborn", "stubborn", grace_seconds=0.5, nursery=nursery)], stop_event)
        stubborn = process(supervisor, "stubborn")
    assert not alive([stubborn])


def test_what_a_child_leaves_behind_ends_with_it(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event
) -> None:
    answers = supervisor.start([child("parent", "parent", nursery=nursery)], stop_event)
    left = psutil.Process(int(answers["parent"]))
    process(supervisor, "parent").kill()
    until(lambda: not alive([left]))


@pytest.mark.requirement("PLT-02")
def test_when_the_nursery_is_killed_its_children_go_on_and_later_ones_come_from_the_next(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event, tmp_path: Path
) -> None:
    supervisor.start([child(name, "brief", "60", nursery=nursery) for name in ("steady", "killed")], stop_event)
    before = state(supervisor, "steady")
    process(supervisor, "nursery").kill()
    restarted(supervisor, "nursery")
    assert state(supervisor, "steady") == before
    process(supervisor, "killed").kill()
    restarted(supervisor, "killed")
    assert process(supervisor, "killed").ppid() == state(supervisor, "nursery").pid
    assert f"ended with code {UNKNOWN_CODE}" in (tmp_path / "logs" / "killed.log").read_text()
    children = [process(supervisor, name) for name in ("steady", "killed", "nursery")]
    supervisor.stop()
    assert not alive(children)


def test_a_child_that_dies_with_the_nursery_waits_for_the_next(
    supervisor: Supervisor, nursery: Nursery, stop_event: threading.Event
) -> None:
    supervisor.start([child("one", "brief", "60", nursery=nursery)], stop_event)
    suspended = process(supervisor, "nursery")
    suspended.suspend()  # so that the request is made before, and answered after the nursery has died
    process(supervisor, "one").kill()
    suspended.kill()
    restarted(supervisor, "nursery")
    restarted(supervisor, "one")
    assert process(supervisor, "one").ppid() == state(supervisor, "nursery").pid


# --- requests ---


def test_a_request_that_nobody_answers_is_given_up_and_never_served(
    nursery: Nursery, tmp_path: Path, stop_event: threading.Event
) -> None:
    with pytest.raises(TimeoutError):
        nursery.fork("late", command("brief", "60"), {}, 0.1, UNWANTED)
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([nursery_child(nursery)], stop_event)
        supervisor.start([child("punctual", "brief", "60", nursery=nursery)], stop_event)
        punctual = process(supervisor, "punctual")
        until(lambda: process(supervisor, "nursery").children() == [punctual])


def test_a_stop_does_not_wait_for_a_nursery_that_is_away(
    nursery: Nursery, tmp_path: Path, stop_event: threading.Event
) -> None:
    supervisor = Supervisor(tmp_path)
    waiting = threading.Thread(
        target=lambda: supervisor.start([child("waiting", "brief", "60", nursery=nursery)], stop_event)
    )
    waiting.start()
    until(supervisor.states)
    stop_event.set()
    waiting.join(5)
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()
    stopping.join(5)
    assert not waiting.is_alive()
    assert not stopping.is_alive()


def test_a_nursery_ends_when_nobody_can_ask_any_more(tmp_path: Path) -> None:
    with opened_nursery() as nursery:
        assert nursery
        running = subprocess.Popen(
            nursery.command([]), cwd=ROOT, pass_fds=[nursery.descriptor], stdout=subprocess.PIPE, text=True
        )
        assert running.stdout
        assert running.stdout.readline() == "READY\n"
        forked = nursery.fork("left", command("brief", "60"), {"PYTHONPATH": str(ROOT)}, 10, UNWANTED)
        running.stdout.close()
    assert running.wait(10) == 0
    assert forked.poll() is None
    os.kill(forked.pid, signal.SIGKILL)
    assert forked.wait() == UNKNOWN_CODE
    forked.terminate()  # to nobody, whoever may have its number by now
