"""The command line: `./run orderflow …`. Commands live in `workers/commands`, a file per subject."""

import sys

import typer

from workers.commands import (
    auditing,
    backtest,
    bench,
    calendar,
    cases,
    changes,
    contracts,
    customers,
    delegate,
    deliveries,
    demo,
    drafts,
    edges,
    inquiries,
    letters,
    notices,
    operations,
    orders,
    paper,
    payments,
    people,
    processes,
    production,
    purchases,
    quotations,
    reports,
    rulebook,
    stock,
    suppliers,
    terminal,
    tracking,
)
from workers.commands.usage import Commands

app = typer.Typer(
    name="orderflow",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Sales orders through six departments. 销售订单审批与履行系统。",
    epilog="Exit codes: 0 done, 1 refused or something is wrong, 2 wrong usage, 3 no system is running.",
)

for group, commands in (
    (
        "Running 运行",
        (demo.demo, processes.up, processes.worker, processes.intake, processes.relay, processes.scheduler),
    ),
    (
        "Orders 订单",
        (orders.orders, orders.show, edges.submit, edges.refusals, paper.availability, tracking.track),
    ),
    (
        "Changes 变更",
        (changes.withdraw, changes.recreate, changes.hold, changes.resume, changes.comment, changes.overdue),
    ),
    ("People 审批", (people.tasks, people.decide, people.urge, people.ask)),
    ("Operations 运维", (operations.load, auditing.audit, bench.bench)),
):
    for command in commands:
        app.command(rich_help_panel=group)(command)
for name, subject in (("process", rulebook.process), ("policy", rulebook.policy), ("calendar", calendar.calendar)):
    app.add_typer(subject, name=name, rich_help_panel="Rules 规则")
app.add_typer(notices.notices, name="notices", rich_help_panel="People 审批")
app.add_typer(delegate.delegate, name="delegate", rich_help_panel="People 审批")
app.add_typer(contracts.contract, name="contract", rich_help_panel="Contracts 合同")
app.command(cls=edges.FactCommand, rich_help_panel="Orders 订单")(edges.fact)
app.command("print", rich_help_panel="Orders 订单")(paper.print_documents)
app.add_typer(customers.customer, name="customer", rich_help_panel="Orders 订单")
app.add_typer(cases.case, name="case", rich_help_panel="Orders 订单")
app.add_typer(inquiries.inquiry, name="inquiry", rich_help_panel="Orders 订单")
app.add_typer(quotations.quote, name="quote", rich_help_panel="Orders 订单")
app.add_typer(drafts.draft, name="draft", rich_help_panel="Orders 订单")
app.add_typer(payments.payments, name="payments", rich_help_panel="Finance 财务")
app.command(rich_help_panel="Finance 财务")(payments.receivables)
app.add_typer(letters.letters, name="letters", rich_help_panel="Orders 订单")
for name, subject in (
    ("shipments", deliveries.shipments),
    ("notes", deliveries.notes),
    ("promise", deliveries.promise),
    ("supplier", suppliers.supplier),
    ("purchase", purchases.purchase),
    ("production", production.production),
    ("stock", stock.stock),
):
    app.add_typer(subject, name=name, rich_help_panel="Goods 库存、采购与生产")
for subject in (rulebook.process, rulebook.policy):
    subject.command("backtest")(backtest.backtest)
app.add_typer(reports.report, name="report", rich_help_panel="Operations 运维")
app.add_typer(operations.dead, name="dead", rich_help_panel="Operations 运维")


def main() -> None:
    """Entry point. What is wrong with the servers is told in a sentence; everything else that is raised is a defect."""
    try:
        app(prog_name="./run orderflow")
    except Exception as error:
        trouble = terminal.trouble(error)
        if trouble is None:
            raise
        sentence, code = trouble
        terminal.complain(sentence)
        sys.exit(code)


if __name__ == "__main__":
    main()
