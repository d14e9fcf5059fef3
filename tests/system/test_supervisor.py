"""Real processes under the supervisor: readiness, restarts, draining in order, and nothing orphaned."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from shared.embedded import start_postgres
from tests.support.supervised import ROOT, alive, child, command
from tests.support.victim import heard
from tests.support.waiting import until
from workers.supervisor import CappedLog, Child, ChildFailed, Supervisor, backoff_seconds

MUTE = ("sh", "-c", "echo looking for something; exec sleep 1000")  # never gets ready


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs") as supervisor:
        yield supervisor


@pytest.fixture
def stop_event() -> threading.Event:
    return threading.Event()


@pytest.fixture(params=["spawned", "forked"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The servers and two workers under a supervisor that leads its own process group, as a terminal would start it."""
    with subprocess.Popen(
        command("system", str(tmp_path), request.param),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            heard(process, "UP")
            yield process
        finally:
            process.kill()


def family(leader: int) -> list[psutil.Process]:
    return psutil.Process(leader).children(recursive=True)


def named(name: str, processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.name() == name]


def drained(home: Path) -> set[str]:
    """The names that workers wrote at the very end of their drain."""
    with (
        start_postgres(home / "postgres", patience_seconds=10) as server,
        psycopg.connect(server.url.replace("postgresql+psycopg", "postgresql")) as connection,
    ):
        return {name for (name,) in connection.execute("select name from drained")}


# --- the whole ---


@pytest.mark.requirement("PLT-02")
def test_when_the_supervisor_is_killed_every_child_and_both_servers_are_gone(system: subprocess.Popen[str]) -> None:
    processes = family(system.pid)
    names = {process.name() for process in processes}
    assert {"postgres", "valkey-server"} <= names
    assert len(processes) >= 5 + 4  # PostgreSQL's own processes, Valkey, the servers' parent, two workers
    system.kill()
    until(lambda: not alive(processes), seconds=5, what="every process to end")


@pytest.mark.requirement("PLT-02")
def test_ctrl_c_lets_workers_drain_before_the_servers_stop(system: subprocess.Popen[str], tmp_path: Path) -> None:
    processes = family(system.pid)
    os.killpg(system.pid, signal.SIGINT)
    heard(system, "STOPPED")
    assert system.wait(10) == 0
    assert not alive(processes)
    assert drained(tmp_path) == {"finance", "warehouse"}


def test_a_second_ctrl_c_ends_the_drain_but_not_the_order(system: subprocess.Popen[str], tmp_path: Path) -> None:
    processes = family(system.pid)
    [finance] = [process for process in processes if "finance" in (process.name(), process.cmdline()[-1])]
    finance.suspend()  # it would drain for as long as it may
    os.killpg(system.pid, signal.SIGINT)
    until(lambda: len(alive(processes)) < len(processes), what="the drain to begin")
    os.killpg(system.pid, signal.SIGINT)
    heard(system, "STOPPED")
    assert system.wait(10) == 0
    assert not alive(processes)
    assert drained(tmp_path) <= {"warehouse"}
    assert "database system is shut down" in (tmp_path / "postgres" / "server.log").read_text()


def test_a_killed_valkey_comes_back_alone_and_on_the_same_port(system: subprocess.Popen[str], tmp_path: Path) -> None:
    before = family(system.pid)
    [killed] = named("valkey-server", before)
    port = (tmp_path / "valkey" / "port").read_text()
    killed.kill()
    until(lambda: [one for one in named("valkey-server", family(system.pid)) if one != killed])
    until(lambda: "Valkey is running again" in (tmp_path / "logs" / "servers.log").read_text())
    assert (tmp_path / "valkey" / "port").read_text() == port
    assert set(before) - {killed} <= set(family(system.pid))


# --- one child ---


def test_what_a_child_says_with_ready_is_handed_on(supervisor: Supervisor, stop_event: threading.Event) -> None:
    answers = supervisor.start([child("one", "parent"), child("two", "brief", "60")], stop_event)
    assert int(answers["one"]) > 0
    assert answers["two"] == ""
    [one, two] = supervisor.states()
    assert (one.name, two.name) == ("one", "two")
    assert one.ready
    assert two.ready
    assert one.restarts == two.restarts == 0
    assert psutil.pid_exists(one.pid or 0)
    assert isinstance(one.started_at, datetime)


@pytest.mark.requirement("PLT-01")
def test_a_child_that_dies_is_started_again_later_and_later_and_alone(
    supervisor: Supervisor, stop_event: threading.Event
) -> None:
    began = datetime.now(UTC)
    supervisor.start([child("dying", "brief", "0"), child("steady", "brief", "60")], stop_event)
    _, steady = until(lambda: [states for states in [supervisor.states()] if states[0].restarts == 3], seconds=20).pop()
    assert steady.restarts == 0
    assert datetime.now(UTC) - began >= timedelta(seconds=0.5 + 1.0 + 2.0)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (1000, 30.0)])
def test_backoff_doubles_up_to_a_limit(failures: int, seconds: float) -> None:
    assert backoff_seconds(failures) == seconds


def test_a_child_that_dies_before_it_is_ready_is_reported_with_its_last_lines(
    supervisor: Supervisor, stop_event: threading.Event
) -> None:
    with pytest.raises(ChildFailed) as failed:
        supervisor.start([child("broken", "broken")], stop_event)
    assert "broken did not get ready" in str(failed.value)
    assert "first line" in str(failed.value)
    assert "the last words" in str(failed.value)
    assert "ended with code 1" in str(failed.value)


def test_a_child_that_never_gets_ready_is_killed_at_its_deadline(
    supervisor: Supervisor, stop_event: threading.Event
) -> None:
    with pytest.raises(ChildFailed, match="looking for something\n  not ready after 1 s, killed\n  ended with code -9"):
        supervisor.start([Child("mute", MUTE, ready_seconds=1)], stop_event)


def test_a_child_that_refuses_is_quoted_and_nothing_else(supervisor: Supervisor, stop_event: threading.Event) -> None:
    with pytest.raises(ChildFailed, match=r"^Port 7 is already in use\.$"):
        supervisor.start([child("refusing", "refusing")], stop_event)


def test_a_program_that_does_not_exist_is_reported(supervisor: Supervisor, stop_event: threading.Event) -> None:
    with pytest.raises(ChildFailed, match=r"cannot be started: .*No such file"):
        supervisor.start([Child("absent", ["/nonexistent/program"])], stop_event)


def test_a_child_that_cannot_be_followed_is_reported_and_waited_for_by_nobody(
    supervisor: Supervisor, stop_event: threading.Event
) -> None:
    impossible: dict[str, Any] = {"NUMBER": 1}
    with pytest.raises(ChildFailed, match=r"lost: TypeError"):
        supervisor.start([Child("impossible", ["/bin/true"], impossible)], stop_event)


def test_a_start_is_given_up_when_the_stop_event_is_set(supervisor: Supervisor, stop_event: threading.Event) -> None:
    stop_event.set()
    assert supervisor.start([Child("mute", MUTE)], stop_event) == {}


def test_a_child_that_does_not_heed_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([child("stubborn", "stubborn", grace_seconds=0.5)], threading.Event())
        pid = supervisor.states()[0].pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_hurry_ends_the_grace_of_the_group_that_drains(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start([child("stubborn", "stubborn", grace_seconds=60)], threading.Event())
    stopping = threading.Thread(target=supervisor.stop)
    stopping.start()

    def ended() -> bool:
        supervisor.hurry()
        return not stopping.is_alive()

    until(ended, seconds=10)


def test_what_a_child_leaves_behind_ends_with_it(supervisor: Supervisor, stop_event: threading.Event) -> None:
    left = psutil.Process(int(supervisor.start([child("parent", "parent")], stop_event)["parent"]))
    assert alive([left])
    supervisor.stop()
    until(lambda: not alive([left]))


# --- logs ---


def test_a_log_that_has_grown_too_long_is_set_aside(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "one.log", limit_bytes=20)
    for number in range(5):
        log.write(b"line %d\n" % number)
    log.close()
    assert (tmp_path / "one.log").read_bytes() == b"line 4\n"
    assert (tmp_path / "one.log.1").read_bytes() == b"line 2\nline 3\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    log = CappedLog(Path("/dev/full"))
    log.write(b"lost\n")
    log.write(b"lost too\n")
    assert log.lost_lines == 2
