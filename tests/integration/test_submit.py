"""`submit`, `fact` and `refusals` as people run them, over a real PostgreSQL and a real broker."""

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis
from typer.testing import Result

from messages.batch import Batch
from shared.calendar import BUSINESS_ZONE
from shared.database import CommitUnknown, Database, Session
from shared.rulebook import Rulebook, rulebook
from shared.settings import Settings, settings
from tests.support.commands import Run, squeezed
from tests.support.database import REPOSITORY
from tests.support.maps import LINE, a_map
from tests.support.orders import submitted
from workers.intake.accept import Receipt, Verdict, accept_orders
from workers.intake.files import take
from workers.intake.parse import Limits, Submission
from workers.masterdata import load_folder

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date()
HEADING = "No,Customer,Name,Address,Product,Quantity,Price\n"
ORDER = f"""
source = "shop"
external_id = "{{No}}"
customer = {{ code = "{{Customer}}", name = "{{Name}}" }}
contact = {{ name = "Sales", phone = "+86 21 5555 0101" }}
delivery.address = "{{Address}}"
channel = "online"
sale_type = "domestic"
entry_system = "ERP"
currency = "CNY"
total = "sum"
requested_date = {TOMORROW}
payment = {{ method = "wire", terms = "prepaid" }}
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write


File = Callable[[str, str], Path]


def row(no: str, product: str = "P001", quantity: str = "1", customer: str = "C001") -> str:
    return f"{no},{customer},上海明珠贸易有限公司,世纪大道1号,{product},{quantity},100.00\n"


def orders(*numbers: str, **changes: Any) -> list[dict[str, Any]]:
    return [submitted(number, requested_date=str(TOMORROW), **changes) for number in numbers]


def lines(bodies: Sequence[Any]) -> str:
    return "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)


def answered(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def counted(database: Database, table: str) -> int:
    with database.transaction() as session:
        return int(session.rows(f"select count(*) from {table}")[0][0])


# -- the table of verdicts ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-05")
def test_every_order_of_a_file_is_answered(run: Run, file: File, database: Database, valkey: Redis) -> None:
    map_ = file("map.toml", a_map(ORDER, LINE))
    first = file("first.csv", HEADING + row("1") + row("2"))
    assert run("submit", first, "--map", map_).exit_code == 0
    content = HEADING + row("1") + row("2", quantity="5") + row("3", "P999") + row("4") + row("5", quantity="many")
    second = file("second.csv", content + row("", quantity="0") + row("4", "P002"))
    result = run("submit", second, "--map", map_, "--report", "report.csv")
    assert result.exit_code == 1
    said = squeezed(result.stdout)
    assert "accepted 1 2 repeated 1 1 conflicting 1 1 refused 3 3 " in said
    for words in (
        "conflicting second.csv line 3 2 external_id column No, line 3: already received with other content, as SO-",
        "refused second.csv line 4 3 lines.0.product column Product, line 4: no product P999",
        "refused second.csv line 6 5 lines.0.quantity column Quantity, line 6: 'many' is not a number",
        "refused second.csv line 7 lines.0 line 7: belongs to no order, because No is empty",
        "lines.0.quantity column Quantity, line 7: Input should be greater than 0",
        "Orders: 6; lines: 7; ",
    ):
        assert words in said, (words, said)
    with (Path.cwd() / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        report = list(csv.DictReader(stream))
    assert [(each["verdict"], each["external_id"], each["field"]) for each in report] == [
        ("repeated", "1", ""),
        ("conflict", "2", "external_id"),
        ("refused", "3", "lines.0.product"),
        ("refused", "5", "lines.0.quantity"),
        ("refused", "", "lines.0"),
        ("refused", "", "external_id"),
        ("refused", "", "lines.0.quantity"),
        ("accepted", "4", ""),
    ]
    assert counted(database, "core.orders") == 3
    assert counted(database, "core.refusals") == 4
    with database.transaction() as session:
        origins = session.rows("select data->>'origin' from core.events where kind = 'received'")
    assert sorted(origins) == [("first.csv line 2",), ("first.csv line 3",), ("second.csv lines 5, 8",)]
    assert sum(valkey.llen(name) for name in valkey.keys("*sales_review*") if valkey.type(name) == b"list")


def test_the_same_again_is_harmless(run: Run, file: File, database: Database) -> None:
    path = file("orders.jsonl", lines(orders(*"ABCDEFG")))
    first, second = (answered(run("submit", path, "--json")) for _ in range(2))
    assert (first["orders"], first["accepted"], first["repeated"]) == (7, 7, 0)
    assert (second["orders"], second["accepted"], second["repeated"]) == (7, 0, 7)
    assert [each["number"] for each in first["answers"]] == [each["number"] for each in second["answers"]]
    assert [each["origin"] for each in first["answers"]] == [f"orders.jsonl line {line}" for line in range(1, 8)]
    assert counted(database, "core.orders") == 7


def test_a_check_stores_nothing(run: Run, file: File, database: Database) -> None:
    path = file("orders.json", json.dumps([*orders("A", "B"), {"source": "shop"}]))
    result = run("submit", path, "--check")
    assert result.exit_code == 1
    assert "accepted 2 2 " in squeezed(result.stdout)
    assert "Nothing was stored." in result.stdout
    checked = answered(run("submit", path, "--check", "--json"))
    assert [each["verdict"] for each in checked["answers"]] == ["accepted", "accepted", "refused"]
    assert not any(each["number"] for each in checked["answers"])
    assert [counted(database, f"core.{table}") for table in ("orders", "refusals", "numbers", "outbox", "batches")] == [
        0
    ] * 5


def test_many_refusals_are_told_by_their_reasons(run: Run, file: File) -> None:
    map_ = file("map.toml", a_map(ORDER, LINE))
    rows = [row(f"N{number}", quantity="-1") + row(f"N{number}", quantity="0") for number in range(30)]
    path = file("orders.csv", HEADING + "".join(rows) + row("Y", "P999"))
    result = run("submit", path, "--map", map_)
    said = squeezed(result.stdout)
    assert "30 60 lines.*.quantity column Quantity, line 2: Input should be greater than 0" in said
    assert "1 1 lines.*.product column Product, line 62: no product P999" in said
    assert "line 4" not in said


def test_orders_come_from_stdin(run: Run, database: Database) -> None:
    result = run("submit", "-", "--json", input=lines(orders("A")) + "nonsense\n")
    assert result.exit_code == 1
    answers = answered(result)["answers"]
    assert [(each["verdict"], each["origin"]) for each in answers] == [
        ("accepted", "stdin line 1"),
        ("refused", "stdin line 2"),
    ]


def test_a_report_opens_no_formulas(run: Run, file: File) -> None:
    path = file("orders.jsonl", lines(orders("=HYPERLINK(1)", "@SUM(1)", "+1", "-1", "A")))
    assert run("submit", path, "--report", "report.csv").exit_code == 0
    with (Path.cwd() / "report.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [each["external_id"] for each in csv.DictReader(stream)] == [
            "'=HYPERLINK(1)",
            "'@SUM(1)",
            "'+1",
            "'-1",
            "A",
        ]


def test_hostile_text_is_shown_and_does_nothing(run: Run, file: File) -> None:
    path = file("orders.jsonl", lines(orders("[bold]A[/nonsense]\x1b]0;title\x07", currency="[/]")))
    result = run("submit", path)
    assert result.exit_code == 1
    assert "[bold]A[/nonsense]" in result.stdout
    assert "\x1b" not in result.stdout


# -- wrong usage -------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_the_command_is_one_sentence(run: Run, file: File, database: Database) -> None:
    map_ = file("map.toml", a_map(ORDER, LINE))
    data = file("orders.csv", HEADING + row("1"))
    cases: list[tuple[Sequence[object], int, str]] = [
        (("nowhere.csv",), 2, "There is no file nowhere.csv."),
        ((data,), 1, "orders.csv: a map is needed"),
        ((data, "--source", "web"), 2, "--source goes with --map"),
        ((data, "--map", file("bad.toml", a_map(ORDER, LINE) + "x = 1")), 2, "bad.toml: line: there is no field x"),
        ((file("o.csv", "Nr,Customer\n"), "--map", map_), 2, "o.csv has no column 'No'; it has Nr, Customer"),
        ((file("o.pdf", ""), "--map", map_), 1, "o.pdf: files of orders end in"),
        ((data, "--map", map_, "--report", "no/such/folder.csv"), 1, "The report cannot be written"),
    ]
    for arguments, code, words in cases:
        result = run("submit", *arguments)
        assert (result.exit_code, words in squeezed(result.stderr)) == (code, True), (arguments, result.output)
    assert counted(database, "core.orders") == 0


def test_the_source_may_be_named_on_the_command_line(run: Run, file: File) -> None:
    map_, data = file("map.toml", a_map(ORDER, LINE)), file("orders.csv", HEADING + row("1"))
    for source in ("web", "web", "store"):
        run("submit", data, "--map", map_, "--source", source)
    found = json.loads(run("orders", "--json").stdout)
    assert sorted((each["source"], each["external_id"]) for each in found) == [("store", "1"), ("web", "1")]


def test_today_may_be_the_day_of_another_import(run: Run, file: File) -> None:
    order = ORDER.replace(f"requested_date = {TOMORROW}", 'requested_date = { from = "today", plus_days = 5 }')
    map_, data = file("map.toml", a_map(order, LINE)), file("orders.csv", HEADING + row("1"))
    verdicts = [
        answered(run("submit", data, "--map", map_, "--json", *day))["answers"][0]["verdict"]
        for day in ((), ("--today", str(TOMORROW)), ("--today", str(TOMORROW)), ())
    ]
    assert verdicts == ["accepted", "conflict", "conflict", "repeated"]


# -- an import that is cut off -----------------------------------------------------------------------------------------


def handed_in(count: int) -> list[Submission]:
    bodies = orders(*[f"T-{number}" for number in range(count)])
    return [Submission(json.dumps(body).encode(), f"test {place}") for place, body in enumerate(bodies, 1)]


@pytest.mark.requirement("ENT-05", "PLT-02")
def test_an_import_that_was_cut_off_goes_on_when_it_is_repeated(run: Run, database: Database) -> None:
    chosen = Settings(intake_batch=4)
    cut_off = take(database, handed_in(10), accept_orders, rulebook(), chosen)
    assert [len(next(cut_off).answers) for _ in range(2)] == [4, 4]
    cut_off.close()
    assert counted(database, "core.orders") == 8
    again = [
        each for taken in take(database, handed_in(10), accept_orders, rulebook(), chosen) for each in taken.answers
    ]
    assert [receipt.verdict for _, receipt in again] == [Verdict.REPEATED] * 8 + [Verdict.ACCEPTED] * 2
    assert counted(database, "core.orders") == 10


@pytest.mark.parametrize("error", [CommitUnknown(), psycopg.errors.DeadlockDetected("a deadlock")])
def test_a_transaction_whose_end_is_unknown_is_looked_up_by_taking_it_again(
    run: Run, database: Database, error: Exception
) -> None:
    calls = []

    def stumbling(
        session: Session, some: Sequence[Submission], limits: Limits, rules: Rulebook, now: datetime
    ) -> tuple[list[Receipt], list[Batch]]:
        calls.append(len(some))
        if len(calls) == 1:
            raise error
        return accept_orders(session, some, limits, rules, now)

    (taken,) = take(database, handed_in(3), stumbling, rulebook(), Settings())
    assert calls == [3, 3]
    assert [receipt.verdict for _, receipt in taken.answers] == [Verdict.ACCEPTED] * 3


def test_a_broker_that_is_away_holds_nothing_up(run: Run, file: File, database: Database) -> None:
    path = file("orders.jsonl", lines(orders("A")))
    settings.cache_clear()
    result = run("submit", path, env={"ORDERFLOW_BROKER_URL": "redis://127.0.0.1:1/0"})
    assert result.exit_code == 0, result.output
    assert "The broker is away" in result.stderr
    assert counted(database, "core.batches") == 1


def test_a_database_that_is_away_is_said_so(run: Run, file: File) -> None:
    path = file("orders.jsonl", lines(orders("A")))
    settings.cache_clear()
    result = run("submit", path, env={"ORDERFLOW_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"})
    assert result.exit_code == 1
    assert "The database does not answer" in result.stderr


# -- facts -------------------------------------------------------------------------------------------------------------


def accepted_order(run: Run, file: File) -> str:
    return str(answered(run("submit", file("one.jsonl", lines(orders("A"))), "--json"))["answers"][0]["number"])


@pytest.mark.requirement("SET-01")
def test_a_fact_is_reported_by_options(run: Run, file: File, database: Database) -> None:
    number = accepted_order(run, file)
    paid = (
        "fact",
        "payment_received",
        "--order",
        number,
        "--reference",
        "B-1",
        "--amount",
        "400.00",
        "--method",
        "wire",
    )
    result = run(*paid, "--id", "F-1", "--at", "2026-11-23T14:30:00+08:00")
    assert result.exit_code == 0, result.output
    assert answered(run(*paid, "--id", "F-1", "--at", "2026-11-23T06:30:00Z", "--json"))["repeated"] == 1
    with database.transaction() as session:
        ((kind, body),) = session.rows("select kind, body from core.facts")
    assert kind == "payment_received"
    assert json.loads(body) == {
        "schema_version": 1, "source": "command-line", "fact_id": "F-1", "occurred_at": "2026-11-23T06:30:00Z",
        "kind": "payment_received", "reference": "B-1", "order": number, "amount": "400.00", "currency": "CNY",
        "method": "wire",
    }  # fmt: skip


def test_facts_come_from_files_too(run: Run, file: File, database: Database) -> None:
    number = accepted_order(run, file)
    known = {"schema_version": 1, "source": "warehouse", "occurred_at": "2026-11-23T06:30:00Z"}
    goods = known | {"kind": "goods_received", "fact_id": "G-1", "product": "P003", "quantity": 5}
    strange = known | {"kind": "receipt_confirmed", "fact_id": "R-1", "order": "SO-1"}
    good = known | {"kind": "receipt_confirmed", "fact_id": "R-2", "order": number}
    result = run("fact", file("facts.jsonl", lines([goods, strange, good])), "--json")
    assert result.exit_code == 1
    assert [(each["verdict"], each["external_id"]) for each in answered(result)["answers"]] == [
        ("accepted", "G-1"),
        ("refused", "R-1"),
        ("accepted", "R-2"),
    ]
    assert counted(database, "core.facts") == 2


def test_a_resubmission_takes_its_document_from_a_file(run: Run, file: File) -> None:
    number = accepted_order(run, file)
    document = file("changed.json", json.dumps(orders("A")[0]))
    result = run("fact", "order-resubmitted", "--order", number, "--by", "shop", "--document", document, "--json")
    (answer,) = answered(result)["answers"]
    assert (answer["verdict"], answer["errors"][0]["code"]) == ("refused", "not_returned")


def test_what_is_wrong_with_the_options_is_told_and_not_kept(run: Run, database: Database) -> None:
    cases: list[tuple[Sequence[str], int, str]] = [
        (("survey_answered", "--order", "SO-1"), 2, "survey_answered: --score: Field required"),
        (("survey_answered", "--order", "SO-1", "--score", "5", "--amount", "1"), 2, "--amount: Extra inputs"),
        (("goods_received", "--product", "P001", "--quantity", "0"), 2, "--quantity: Input should be greater than 0"),
        (("goods_lost", "--product", "P001"), 2, "There is no kind of fact 'goods_lost'; there are receipt_confirmed"),
        (("receipt_confirmed", "--order", "SO-1", "--at", "noon"), 2, "--at is noon, not a time"),
        (("receipt_confirmed", "--order", "SO-1", "--at", "2026-11-23T06:30:00"), 2, "its zone is missing"),
        (("payment_received", "--order", "SO-1", "--amount", "1"), 1, "There is no order SO-1."),
        (("nowhere.jsonl",), 2, "'nowhere.jsonl' is neither a file nor a kind of fact"),
    ]
    for arguments, code, words in cases:
        result = run("fact", *arguments)
        assert (result.exit_code, words in squeezed(result.stderr)) == (code, True), (arguments, result.output)
    assert counted(database, "core.refusals") == 0


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_what_was_refused_can_be_looked_up_mended_and_handed_in_again(run: Run, file: File, database: Database) -> None:
    map_ = file("map.toml", a_map(ORDER, LINE))
    assert (
        run("submit", file("o.csv", HEADING + row("1", quantity="five") + row("1", "P002")), "--map", map_).exit_code
        == 1
    )
    (found,) = json.loads(run("refusals", "--json").stdout)
    assert (found["kind"], found["origin"], found["source"], found["external_id"]) == (
        "order",
        "o.csv lines 2-3",
        "shop",
        "1",
    )
    assert found["errors"][0]["reason"] == "column Quantity, line 2: 'five' is not a number"
    assert "column Quantity, line 2: 'five' is not a number" in squeezed(run("refusals").stdout)
    whole = json.loads(run("refusals", found["id"], "--json").stdout)
    assert whole["raw"] == HEADING + row("1", quantity="five") + row("1", "P002")
    assert whole["raw"] in run("refusals", found["id"]).stdout
    mended = file("mended.csv", whole["raw"].replace("five", "5"))
    assert run("submit", mended, "--map", map_).exit_code == 0
    assert counted(database, "core.orders") == 1
    assert run("refusals", "nonsense").exit_code == 1
    assert json.loads(run("refusals", "--kind", "conflict", "--json").stdout) == []


def test_facts_that_a_department_could_not_book_are_among_the_refusals(
    run: Run, file: File, database: Database
) -> None:
    number = accepted_order(run, file)
    run("fact", "delivered", "--order", number, "--tracking-number", "TRK-1", "--id", "D-1")
    finding = [{"code": "delivery.no_such_shipment", "subject": "TRK-1", "values": {"order": number}}]
    with database.transaction() as session:
        session.write("update core.facts set refused = %s::json", json.dumps(finding))
    (found,) = json.loads(run("refusals", "--kind", "fact", "--json").stdout)
    assert (found["source"], found["external_id"], found["findings"]) == ("command-line", "D-1", finding)
    assert "TRK-1" in run("refusals").stdout


@pytest.mark.requirement("ENT-01")
def test_the_example_map_takes_the_lines_that_it_shows(run: Run, database: Database, tmp_path: Path) -> None:
    folder = REPOSITORY / "deploy" / "sample_company"
    assert not load_folder(database, folder)[1]
    comments = (folder / "map-example.toml").read_text(encoding="utf-8").splitlines()
    shown = [line.removeprefix("#   ") for line in comments if line.startswith("#   ")]
    today = datetime.now(BUSINESS_ZONE)
    content = "\n".join(shown).replace("2026/11/20", f"{today:%Y/%m/%d}")
    data = tmp_path / "orders.csv"
    data.write_bytes(content.encode("gb18030"))
    result = run("submit", data, "--map", folder / "map-example.toml", "--json")
    (answer,) = answered(result)["answers"]
    assert (answer["verdict"], answer["external_id"], answer["lines"]) == ("accepted", "DD-1001", 2), answer
    order = json.loads(run("show", answer["number"], "--json").stdout)
    assert order["document"]["payment"] == {"method": "wire", "terms": "net_30"}
    assert order["document"]["delivery"]["address"] == "上海南京西路1266号"
    assert order["document"]["requested_date"] == f"{today + timedelta(14):%Y-%m-%d}"
    assert order["document"]["total_minor"] == 2 * 129_900 + 89_900


def test_nothing_handed_in_is_said_so(run: Run) -> None:
    for command in ("submit", "fact"):
        result = run(command, "-", "--lang", "en", input="")
        assert (result.exit_code, "There was nothing in it" in result.stderr) == (0, True)
    nonsense = run("fact", "nonsense", "--lang", "en")
    assert nonsense.exit_code == 2
    assert "neither a file nor a kind of fact; the kinds are receipt_confirmed" in squeezed(nonsense.stderr)
    assert "counterparty_checked" in run("fact", "--help").stdout


def test_refusals_for_programs_are_in_the_language_asked_for(run: Run, file: File) -> None:
    path = file("orders.jsonl", json.dumps(submitted("X", channel="pigeon", currencies="CNY")))
    (answer,) = json.loads(run("submit", path, "--json", "--lang", "zh").stdout)["answers"]
    reasons = {each["field"]: each["reason"] for each in answer["errors"]}
    assert reasons["currencies"] == "没有这个字段；是否指 currency？"
    assert reasons["channel"].startswith("须为")
