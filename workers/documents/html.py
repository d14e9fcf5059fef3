"""A document as one HTML page that stands alone and prints on A4. Pure; what people wrote is text, never markup."""

from collections.abc import Iterable
from html import escape

from workers.documents.paper import Field, Paper, Table


def to_html(paper: Paper) -> str:
    """The page. It needs nothing from elsewhere."""
    first, *others = paper.company or ("",)
    return _PAGE.format(
        language="zh-CN" if "zh" in paper.languages else "en",
        title=escape(paper.title),
        number=escape(paper.number),
        company=escape(first),
        head="".join(f"<div>{escape(line)}</div>" for line in others),
        fields=_fields(paper.fields),
        tables="".join(map(_table, paper.tables)),
        totals=_fields(paper.totals),
        remarks=_fields(paper.remarks),
        signatures="".join(f"<td>{escape(label)}</td>" for label in paper.signatures),
        page=" ".join(map(_page, paper.page)),
    )


def _fields(fields: Iterable[Field]) -> str:
    return "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in fields)


def _table(table: Table) -> str:
    aligned = [' class="number"' if column.align == "right" else "" for column in table.columns]
    headings = "".join(
        f"<th{shape}>{escape(column.heading)}</th>" for column, shape in zip(table.columns, aligned, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(f'<td{shape}>{escape(cell)}</td>' for cell, shape in zip(row, aligned, strict=True))}</tr>"
        for row in table.rows
    )
    title = f"<h2>{escape(table.title)}</h2>" if table.title else ""
    return f"{title}<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"


def _page(text: str) -> str:
    """A page's number as style sheets write it; browsers that know page margins print it."""
    before, _, rest = text.partition("{page}")
    between, _, after = rest.partition("{pages}")
    return f'"{before}" counter(page) "{between}" counter(pages) "{after} "'


_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} {number}</title><style>
@page {{ size: A4; margin: 16mm 15mm 18mm; @bottom-right {{ content: {page}; font-size: 8pt;
  color: #555; white-space: nowrap }} }}
body {{ font: 10pt/1.5 "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei",
  sans-serif; color: #111 }}
header {{ display: flex; justify-content: space-between; gap: 10mm; border-bottom: .5mm solid #1f3a5f;
  padding-bottom: 3mm; margin-bottom: 5mm }}
header b {{ font-size: 13pt }} header div {{ font-size: 8pt; color: #555 }}
.title {{ text-align: right }} h1 {{ font-size: 17pt; margin: 0; color: #1f3a5f }}
h2 {{ font-size: 11pt; margin: 5mm 0 1mm }}
dl, dt, dd {{ margin: 0 }} dt {{ color: #555; font-size: 8.5pt }}
dd {{ overflow-wrap: anywhere; white-space: pre-line }}
.fields {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1mm 8mm }}
.fields div, .remarks div {{ display: grid; grid-template-columns: 32mm 1fr; gap: 2mm; align-items: baseline }}
table {{ width: 100%; border-collapse: collapse; margin: 3mm 0 }}
th, td {{ border-bottom: .2mm solid #bbb; padding: 1.2mm 2mm; text-align: left; vertical-align: top }}
th {{ background: #eef2f7; font-weight: 600; font-size: 8.5pt }} td {{ overflow-wrap: anywhere }}
thead {{ display: table-header-group }} tr {{ break-inside: avoid }}
.number {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }}
.totals {{ margin: 3mm 0 }} .totals div {{ display: flex; justify-content: flex-end; gap: 6mm; align-items: baseline }}
.totals div:last-child dd {{ font-size: 12pt; font-weight: 600 }}
.remarks {{ margin-top: 4mm }}
.signatures {{ margin-top: 10mm; break-inside: avoid }}
.signatures td {{ border: 0; border-top: .2mm solid #777; padding-top: 1mm; color: #555; font-size: 8.5pt }}
.signatures table {{ border-collapse: separate; border-spacing: 6mm 0 }}
@media screen {{ body {{ max-width: 180mm; margin: 10mm auto; padding: 0 5mm }} }}
</style></head><body>
<header><div><b>{company}</b>{head}</div><div class="title"><h1>{title}</h1>{number}</div></header>
<dl class="fields">{fields}</dl>
{tables}
<dl class="totals">{totals}</dl>
<dl class="remarks">{remarks}</dl>
<div class="signatures"><table><tr>{signatures}</tr></table></div>
</body></html>
"""
