"""`report`: what is late, how long departments take, what the rules found; to read, to export and as a chart."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.commands.terminal import USAGE, Json, Lang, clock, database, emit, fail, language, one_of, table, told

report = typer.Typer(no_args_is_help=True, help="Reports, with the documents that they count. 报表。")

_DAY = ["%Y-%m-%d"]
_From = Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="From this day on. 起始日。")]
_To = Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Until this day. 截止日。")]
_Documents = Annotated[bool, typer.Option("--documents", help="Also every document that is counted. 列出明细。")]
_Out = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Export the documents to this .csv or .xlsx file. 导出文件。")
]
_Svg = Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the totals into this file. 图表文件。")]

_COLUMNS = {
    "overdue": (("kind", "count", "commented", "uncommented"), ("kind", "order", "at", "due", "by", "comment")),
    "service": (
        ("department", "count", "median_hours", "slow_hours", "in_time", "too_late", "in_time_basis_points"),
        ("department", "order", "round", "step", "opened", "ended", "in_time"),
    ),
    "after_sales": (
        ("case_kind", "count", "closed_cases", "open_cases", "median_hours", "average_score"),
        ("case_kind", "case", "order", "customer", "opened", "closed", "outcome", "score"),
    ),
    "settlement": (
        ("group", "currency", "count", "receivable", "revenue", "tax", "invoiced"),
        ("group", "voucher", "invoice", "order", "booked", "currency", "receivable", "revenue", "tax", "invoiced"),
    ),
    "findings": (("finding", "count", "orders"), ("finding", "order", "round", "step", "found_at")),
}
"""Of each report the columns of its totals and of its documents."""


@report.command()
def overdue(
    since: _From = None,
    until: _To = None,
    documents: _Documents = False,
    out: _Out = None,
    svg: _Svg = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """What is late now, due in the period: reviews, near purges, late orders and delivery notes. 超期报表。"""
    from workers.reports.overdue import read

    _report("overdue", read, (since, until), documents, out, svg, json=json)


@report.command()
def service(
    since: _From = None,
    until: _To = None,
    documents: _Documents = False,
    out: _Out = None,
    svg: _Svg = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """How long departments took, and how much of it in time; visits that ended in the period. 处理时长与及时率。"""
    from workers.reports.service import read

    _report("service", read, (since, until), documents, out, svg, json=json)


@report.command()
def findings(
    since: _From = None,
    until: _To = None,
    documents: _Documents = False,
    out: _Out = None,
    svg: _Svg = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """What the rules found in the period, the most frequent first. 规则发现统计。"""
    from workers.reports.findings import read

    _report("findings", read, (since, until), documents, out, svg, json=json)


@report.command("after-sales")
def after_sales(
    since: _From = None,
    until: _To = None,
    documents: _Documents = False,
    out: _Out = None,
    svg: _Svg = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Satisfaction, complaints, repairs and returns of the period, with the time to close. 售后报表。"""
    from workers.reports.after_sales import read

    _report("after_sales", read, (since, until), documents, out, svg, json=json)


@report.command()
def settlement(
    by: Annotated[str, typer.Option(help="customer 客户, sale_type 销售类型 or month 月份.")] = "customer",
    since: _From = None,
    until: _To = None,
    documents: _Documents = False,
    out: _Out = None,
    svg: _Svg = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """What was settled in the period, from vouchers and invoices, in each currency. 结算统计。"""
    from workers.reports import settlement

    one_of("group", by, settlement.GROUPS, "report_groups")
    _report("settlement", settlement.by(by), (since, until), documents, out, svg, json=json)


def _report(
    name: str,
    read: Callable[..., Any],
    days: tuple[datetime | None, datetime | None],
    documents: bool,
    out: Path | None,
    svg: Path | None,
    *,
    json: bool,
) -> None:
    from shared import rulebook
    from workers.reports.report import Period

    if out is not None and out.suffix not in (".csv", ".xlsx"):
        fail("report.file", USAGE, given=out.name)
    period = Period(*(day.date() if day else None for day in days))
    with database() as opened, opened.transaction() as session:
        made = read(session, rulebook.read(session), period, datetime.now(UTC))
    if out is not None:
        _export(name, made, out)
    if svg is not None:
        _write(svg, _drawn(name, made).encode())
    if json:
        emit({"totals": made.totals, **({"documents": made.documents} if documents else {})})
        return
    totals, listed = _COLUMNS[name]
    table(totals, [_shown(line, totals) for line in made.totals])
    if documents:
        table(listed, [_shown(line, listed) for line in made.documents])
    for path in filter(None, (out, svg)):
        typer.echo(f"{path}")


def _export(name: str, made: Any, out: Path) -> None:
    from workers.reports.export import write_csv, write_xlsx

    listed = _COLUMNS[name][1]
    rows = [_named(line, listed) for line in made.documents]
    try:
        if out.suffix == ".csv":
            write_csv(out, _headings(listed), rows)
        else:
            write_xlsx(out, _headings(listed), rows, told(f"reports.{name}"))
    except OSError as error:
        fail("unwritable", path=out, error=error.strerror)


def _drawn(name: str, made: Any) -> str:
    from shared.charts import bar_chart

    columns = _COLUMNS[name][0]
    bars = [
        (str(_said(columns[0], line[columns[0]])), line[made.measure], str(_said(made.measure, line[made.measure])))
        for line in made.totals
    ]
    return bar_chart(told(f"reports.{name}"), bars)


def _headings(columns: Sequence[str]) -> list[str]:
    from shared.words import word

    return [word("headings", column, language()) for column in columns]


def _named(line: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    return [_said(column, line[column]) for column in columns]


def _shown(line: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    """Moments as a terminal has room for them."""
    return [clock(value, "%Y-%m-%d %H:%M") if isinstance(value, datetime) else value for value in _named(line, columns)]


def _said(column: str, value: Any) -> Any:
    """A value as people read it: codes by their names."""
    from shared.words import word

    if column.endswith("_basis_points"):
        return f"{value / 100:.1f} %"
    if isinstance(value, bool):
        return told("report.yes") if value else told("report.no")
    if column == "group":
        return word("sale_types", value, language())  # customers and months have no other name
    if column == "department":
        return word("departments", value, language())
    if column == "kind":
        return word("overdue", value, language())
    if column == "case_kind":
        return word("case_kinds", value, language())
    if column == "outcome" and value:
        return word("case_states", value, language())
    if column == "at" and isinstance(value, str):
        return word("states", value, language())
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        fail("unwritable", path=path, error=error.strerror)
