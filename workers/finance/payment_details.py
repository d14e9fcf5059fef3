"""Payment methods and accounts for the customer, and the customer's notices of having paid (INT-06)."""

from collections.abc import Sequence
from dataclasses import dataclass

from messages.contract import Name
from messages.facts.finance import PaymentNotice
from messages.orders import Currency, PaymentMethod
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, effects_of
from shared.letters import PAYMENT_DETAILS, Letter, write_letters
from shared.master import MasterRow
from shared.money import to_minor
from shared.words import LANGUAGES, Language, word
from workers.finance.payment_details_rules import Details, PaymentAccount, notice_fault


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where the company can be paid."""

    accounts: Sequence[PaymentAccount]

    def absorb(self, effect: object) -> None:
        """A letter changes nothing that the next one looks at."""


def read_accounts(session: Session) -> Accounts:
    """All of them: they are few. One round trip."""
    return Accounts([PaymentAccount(*row) for row in session.rows(_ACCOUNTS)])


def save_details(session: Session, effects: Sequence[object]) -> None:
    """Write the letters."""
    write_letters(session, [_letter(each) for each in effects_of(Details, effects)])


def _letter(details: Details) -> Letter:
    accounts = {language: _accounts(details, language) for language in LANGUAGES}
    return Letter(PAYMENT_DETAILS, details.order, details.round, details.at, {"accounts": accounts})


def _accounts(details: Details, language: Language) -> str:
    return "\n".join(
        f"- {word('payment_methods', each.method, language)}: "
        + (each.details_zh if language == "zh" else each.details_en)
        for each in details.accounts
    )


def book_notices(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Record what customers say that they have paid. It counts as no payment: that is the bank's word (SET-01)."""
    notices = [(fact, fact.body) for fact in facts if isinstance(fact.body, PaymentNotice)]
    currencies: dict[str, str] = dict(session.rows(_CURRENCIES, array(sorted({f.order_id or "" for f, _ in notices}))))
    refused: dict[str, Finding] = {}
    rows = []
    for fact, notice in notices:
        fault = notice_fault(notice, currencies[fact.order_id or ""])
        if fault:
            refused[fact.id] = fault
            continue
        amount = to_minor(notice.amount, notice.currency)
        rows.append(
            (fact.id, fact.order_id, amount, notice.currency, notice.method, notice.reference, notice.occurred_at)
        )
    if rows:
        session.write(_RECORD, *columns(rows, 7))
    return Booked((), refused)


class PaymentAccountRow(MasterRow):
    """A way to pay the company. One of the two details is enough; it then stands for both."""

    method: PaymentMethod
    currency: Currency
    details_zh: Name | None = None
    details_en: Name | None = None


def save_payment_accounts(session: Session, rows: Sequence[PaymentAccountRow]) -> None:
    """Make or change accounts, by method and currency."""
    values = [
        (row.method, row.currency, row.details_zh or row.details_en, row.details_en or row.details_zh) for row in rows
    ]
    session.write(_SAVE, *columns(values, 4))


_ACCOUNTS = "select method, currency, details_zh, details_en from finance.payment_accounts order by method, currency"
_CURRENCIES = """
select h.order_id, h.currency from unnest(%s::uuid[]) as w(id) join core.order_headers h on h.order_id = w.id
"""
_RECORD = """
insert into finance.payment_notices (fact_id, order_id, amount_minor, currency, method, reference, paid_at)
select * from unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
"""
_SAVE = """
insert into finance.payment_accounts (method, currency, details_zh, details_en)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[])
on conflict (method, currency) do update set details_zh = excluded.details_zh, details_en = excluded.details_en
"""
