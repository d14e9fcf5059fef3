"""`payments`, `receivables`: money that came in, what is to be done about it, and what is still owed."""

from datetime import datetime
from typing import Annotated, Any

import typer

from workers.commands.reporting import FactId, report
from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    clock,
    database,
    details,
    emit,
    existing,
    fail,
    language,
    one_of,
    table,
)

payments = typer.Typer(no_args_is_help=True, help="Payments: list, show, assign, return, credit. 收款与客户余额。")

Payment = Annotated[str, typer.Argument(metavar="PAYMENT", help="Its reference. 付款编号。")]
Reason = Annotated[str, typer.Option(help="Why, in words. 原因。")]
Amount = Annotated[str, typer.Option(help="Such as 50.00, in the order's currency. 金额。")]
Limit = Annotated[int, typer.Option(min=1, max=100_000)]


@payments.command("list")
def list_payments(
    status: Annotated[str | None, typer.Option(help="matched, unmatched or returned. 状态。")] = None,
    order: Annotated[str | None, typer.Option(help="Only those of this order. 订单号。")] = None,
    limit: Limit = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List payments, the newest first; the unmatched ones wait for somebody in finance. 收款列表。"""
    from workers.finance.lists import STATUSES
    from workers.finance.lists import payments as find

    one_of("status", status, STATUSES, "payment_states")
    with database() as opened, opened.transaction() as session:
        existing(session, "order", order)
        found = find(session, status=status, order=order, limit=limit)
        owed = _of_order(session, order)
    if json:
        emit(found)
        return
    if owed:
        details(owed, ("order", "status", "amount", "paid", "due"))
    table(
        ("payment", "kind", "status", "order", "customer", "amount", "method", "received"),
        (
            (
                each["payment"],
                each["kind"],
                each["status"],
                each["order"],
                each["customer"],
                each["amount"],
                each["method"],
                each["received"],
            )
            for each in map(_shown, found)
        ),
    )


@payments.command()
def show(payment: Payment, json: Json = False, _lang: Lang = None) -> None:
    """Show one payment, and who decided what about it. 收款详情。"""
    from workers.finance.lists import payments as find

    with database() as opened, opened.transaction() as session:
        found = find(session, payment=payment, limit=1)
    if not found:
        fail("no.payment", USAGE, given=payment)
    if json:
        emit(found[0])
        return
    details(
        _shown(found[0]),
        ("payment", "kind", "status", "order", "customer", "amount", "method", "received", "who", "reason"),
    )


@payments.command()
def assign(
    payment: Payment,
    order: str,
    person: As,
    reason: Reason,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Say to which order an unmatched payment belongs. 认领收款。"""
    report("payment_assigned", {"payment": payment, "order": order, "by": person, "reason": reason}, fact_id, json)


@payments.command("return")
def send_back(
    payment: Payment, person: As, reason: Reason, fact_id: FactId = None, json: Json = False, _lang: Lang = None
) -> None:
    """Record that an unmatched payment went back. 退回收款。"""
    report("payment_returned", {"payment": payment, "by": person, "reason": reason}, fact_id, json)


@payments.command()
def apply(
    from_order: str,
    order: str,
    amount: Amount,
    person: As,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Let customer credit from one order pay for another. 客户余额抵付。"""
    body = {"order": order, "from_order": from_order, "amount": amount, "by": person}
    report("credit_applied", body, fact_id, json)


@payments.command("pay-back")
def pay_back(
    order: str,
    amount: Amount,
    reference: Annotated[str, typer.Option(help="The payment's reference at the bank. 付款编号。")],
    person: As,
    method: Annotated[str, typer.Option(help="How it was paid, such as wire. 付款方式。")] = "wire",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record that customer credit from an order was paid back. 客户余额退还。"""
    body = {"order": order, "amount": amount, "method": method, "reference": reference, "by": person}
    report("credit_paid_back", body, fact_id, json)


def receivables(
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is past due. 只列逾期。")] = False,
    customer: Annotated[str | None, typer.Option(help="Only of this customer. 客户。")] = None,
    limit: Limit = 100,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """What customers owe, the first due first: paid, part paid or unpaid. 应收账款。"""
    from shared.calendar import BUSINESS_ZONE
    from shared.words import money, word
    from workers.finance.lists import receivables as find

    today = datetime.now(BUSINESS_ZONE).date()
    with database() as opened, opened.transaction() as session:
        existing(session, "customer", customer)
        found = find(session, today, customer=customer, overdue=overdue, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("order", "customer", "status", "amount", "paid", "open", "due", "days overdue"),
        (
            (
                each["order"],
                each["customer"],
                word("payment_states", each["status"], language()),
                *(
                    money(each[name], each["currency"], language())
                    for name in ("due_minor", "paid_minor", "open_minor")
                ),
                each["due_date"],
                each["days_overdue"],
            )
            for each in found
        ),
    )


def _of_order(session: Any, order: str | None) -> dict[str, Any] | None:
    from shared.words import money, word
    from workers.finance.lists import payment_of_order

    found = payment_of_order(session, order) if order else None
    if found is None:
        return None
    return {
        "order": found["order"],
        "status": word("payment_states", found["status"], language()),
        "amount": money(found["due_minor"], found["currency"], language()),
        "paid": money(found["paid_minor"], found["currency"], language()),
        "due": found["due_date"],
    }


def _shown(payment: dict[str, Any]) -> dict[str, Any]:
    from shared.words import money, word

    return payment | {
        "kind": word("payment_kinds", payment["kind"], language()),
        "status": word("payment_states", payment["status"], language()),
        "order": payment["order"] or payment["order_given"],
        "amount": money(payment["amount_minor"], payment["currency"], language()),
        "method": word("payment_methods", payment["method"], language()),
        "received": clock(payment["received_at"], "%Y-%m-%d %H:%M"),
        "who": payment["decided_by"],
    }
