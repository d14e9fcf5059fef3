"""./run in a small project of its own: one package, installed for real from a folder; no network."""

import ast
import base64
import hashlib
import http.server
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
COMMAND_LINE = """
import json, os, sys
import greeting
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "says": greeting.WORDS}))
raise SystemExit(7)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the script, with a lock file that pins one small wheel and a command line that uses it."""
    folder = tmp_path / "project"
    (folder / ".lock").mkdir(parents=True)
    shutil.copy(PROJECT / "run", folder / "run")
    (folder / "workers").mkdir()
    (folder / "workers" / "cli.py").write_text(COMMAND_LINE, encoding="utf-8")
    (tmp_path / "wheels").mkdir()
    mislead(tmp_path / "elsewhere")
    pin(folder, "你好")
    (folder / ".lock" / "dev.txt").write_text("", encoding="utf-8")
    return folder


def mislead(folder: Path) -> None:
    """Fill a folder with things that must be neither imported nor taken for installed packages."""
    folder.mkdir()
    for name in ("workers", "pip"):
        (folder / f"{name}.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    (folder / "greeting-1.0.dist-info").mkdir()
    metadata = folder / "greeting-1.0.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n", encoding="utf-8")


def pin(project: Path, words: str) -> None:
    """Lock a wheel whose only module says `words`."""
    wheel = project.parent / "wheels" / "greeting-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greeting.py", f"WORDS = {words!r}\n")
        archive.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(
            "greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("greeting-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / ".lock" / "runtime.txt").write_text(f"greeting==1.0 --hash=sha256:{digest}\n", encoding="utf-8")


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """./run from another folder, with a PYTHONPATH and pip settings that must not matter, and no package index."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(project.parent / "elsewhere"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(project.parent / "wheels"),
        "PIP_USER": "1",
    }
    return subprocess.Popen(
        [os.path.realpath(sys.executable), str(project / "run"), *arguments],
        cwd=project.parent / "elsewhere",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(project: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(project, *arguments)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


def load(path: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("run_script", str(path))
    spec = importlib.util.spec_from_loader("run_script", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_speaks_both_languages_and_installs_nothing(project: Path, arguments: tuple[str, ...]) -> None:
    code, out, errors = run(project, *arguments)

    assert (code, errors) == (0, "")
    assert "./run demo" in out
    assert "演示" in out
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("arguments", [("frobnicate",), ("setup", "--fast"), ("check", "shared")])
def test_what_it_does_not_know_is_one_sentence_and_code_2(project: Path, arguments: tuple[str, ...]) -> None:
    code, out, errors = run(project, *arguments)

    assert (code, out) == (2, "")
    assert arguments[-1] in errors
    assert errors.count("\n") == 1
    assert not (project / ".venv").exists()


def test_an_old_python_is_told_in_one_sentence() -> None:
    ast.parse((PROJECT / "run").read_text(encoding="utf-8"), feature_version=(3, 6))
    pretend = f"import runpy, sys; sys.version_info = (3, 9, 1); runpy.run_path({str(PROJECT / 'run')!r})"

    done = subprocess.run([sys.executable, "-c", pretend], check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr == "orderflow needs Python 3.11 or newer, and this is Python 3.9.\n"


# --- installing ------------------------------------------------------------------------------------------------------


def test_installs_once_then_hands_over_arguments_folder_and_exit_code(project: Path) -> None:
    first = run(project, "demo", "--orders", "3")
    written = (project / ".venv" / "installed").stat().st_mtime_ns
    second = run(project, "orderflow", "show", "订单 1")

    elsewhere = str(project.parent / "elsewhere")
    assert first[0] == 7
    assert json.loads(first[1]) == {"arguments": ["demo", "--orders", "3"], "folder": elsewhere, "says": "你好"}
    assert "installing 1 pinned packages" in first[2]
    assert json.loads(second[1])["arguments"] == ["show", "订单 1"]
    assert (second[0], second[2]) == (7, "")
    assert (project / ".venv" / "installed").stat().st_mtime_ns == written


def test_a_changed_lock_file_is_installed_anew(project: Path) -> None:
    run(project, "setup", "--runtime")
    pin(project, "再见")

    code, out, errors = run(project, "up")

    assert (code, json.loads(out)["says"]) == (7, "再见")
    assert "making" in errors


def test_two_at_once_install_once(project: Path) -> None:
    both = [start(project, "setup", "--runtime"), start(project, "setup", "--runtime")]
    texts = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("making" in errors for _, errors in texts) == 1


def test_a_package_that_is_not_the_pinned_one_is_refused_and_nothing_counts_as_installed(project: Path) -> None:
    pinned = (project / ".lock" / "runtime.txt").read_text(encoding="utf-8")
    pin(project, "tampered")
    (project / ".lock" / "runtime.txt").write_text(pinned, encoding="utf-8")

    code, out, errors = run(project, "demo")

    assert (code, out) == (1, "")
    assert "could not install" in errors
    assert "Traceback" not in errors
    assert not (project / ".venv" / "installed").exists()


# --- what counts as installed ----------------------------------------------------------------------------------------


@pytest.fixture
def stamped(project: Path) -> ModuleType:
    """The script, with an environment that looks as its installation of both parts leaves it."""
    script = load(project / "run")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    lines = [script.place(), *map(script.stamp_line, script.EVERYTHING)]
    (project / ".venv" / "installed").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script


def test_nothing_is_missing_from_a_whole_environment(stamped: ModuleType) -> None:
    assert stamped.missing(stamped.EVERYTHING) == []


def test_new_development_tools_are_added_to_what_is_there(stamped: ModuleType, project: Path) -> None:
    (project / ".lock" / "dev.txt").write_text("more==1\n", encoding="utf-8")

    assert stamped.missing(stamped.EVERYTHING) == ["dev"]
    assert stamped.missing(stamped.RUNTIME) == []


def change_the_lock(project: Path) -> None:
    pin(project, "new")


def remove_the_stamp(project: Path) -> None:
    (project / ".venv" / "installed").unlink()


def remove_the_python(project: Path) -> None:
    (project / ".venv" / "bin" / "python").unlink()


def replace_the_python(project: Path) -> None:
    remove_the_python(project)
    (project / ".venv" / "bin" / "python").symlink_to("/bin/sh")


@pytest.mark.parametrize("change", [change_the_lock, remove_the_stamp, remove_the_python, replace_the_python])
def test_everything_is_missing_when_the_ground_moved(
    stamped: ModuleType, project: Path, change: Callable[[Path], None]
) -> None:
    change(project)

    assert stamped.missing(stamped.EVERYTHING) == ["runtime", "dev"]


def test_everything_is_missing_when_the_project_moved(stamped: ModuleType, project: Path) -> None:
    moved = project.rename(project.with_name("moved"))

    assert load(moved / "run").missing(stamped.EVERYTHING) == ["runtime", "dev"]


# --- pip, where the machine has none ---------------------------------------------------------------------------------


class Index(http.server.BaseHTTPRequestHandler):
    """A package index that asks for a password and has one file."""

    file = b"a wheel"

    def do_GET(self) -> None:
        if self.headers["Authorization"] != "Basic " + base64.b64encode(b"buyer:p@ss").decode():
            self.send_error(401)
            return
        self.send_response(200)
        self.end_headers()
        link = b'<a href="../files/pip-9.9-py3-none-any.whl?a=1&amp;b=2#sha256=00">pip-9.9-py3-none-any.whl</a>'
        self.wfile.write(link if self.path == "/simple/pip/" else self.file)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Quiet."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://buyer:p%40ss@127.0.0.1:{server.server_port}/simple/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield
        server.shutdown()


@pytest.mark.usefixtures("index")
def test_pip_is_fetched_from_the_configured_index(stamped: ModuleType, project: Path) -> None:
    digest = hashlib.sha256(Index.file).hexdigest()
    (project / ".lock" / "pip.txt").write_text(f"pip==9.9 --hash=sha256:{digest}\n", encoding="utf-8")

    assert Path(stamped.fetch_pip()).read_bytes() == Index.file


@pytest.mark.usefixtures("index")
def test_a_pip_that_is_not_the_pinned_one_is_not_used(stamped: ModuleType, project: Path) -> None:
    (project / ".lock" / "pip.txt").write_text(f"pip==9.9 --hash=sha256:{'0' * 64}\n", encoding="utf-8")

    with pytest.raises(SystemExit, match="is not the one"):
        stamped.fetch_pip()


# --- the lock files --------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, str]:
    text = (PROJECT / ".lock" / name).read_text(encoding="utf-8")
    assert "http" not in text, f"{name} names a package index"
    assert text.count("==") <= text.count("--hash=sha256:"), f"{name} has a package without a hash"
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


def test_development_only_adds_to_what_runs() -> None:
    runtime, everything = pins("runtime.txt"), pins("dev.txt")

    assert runtime.items() < everything.items()
    assert not runtime.keys() & {"pytest", "mypy", "ruff", "hypothesis", "testcontainers"}


def test_every_dependency_of_the_project_is_locked() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[>=]", dependency)[0] for dependency in project["dependencies"]}
    tools = {re.split(r"[\[>=]", dependency)[0] for dependency in project["optional-dependencies"]["dev"]}

    assert names <= pins("runtime.txt").keys()
    assert names | tools <= pins("dev.txt").keys()
