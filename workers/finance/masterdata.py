"""The master data files of finance: what is agreed with customers, and what they owed before the system started."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, model_validator

from messages.contract import Code, Text
from messages.orders import Currency, Money, PaymentMethod, Terms
from shared.database import Session, array, columns
from shared.master import MasterFile, MasterRow
from shared.money import to_minor
from workers.finance.payment_details import PaymentAccountRow, save_payment_accounts
from workers.finance.rules import PREPAID

_words = BeforeValidator(lambda cell: cell.split() if isinstance(cell, str) else cell)


class AccountRow(MasterRow):
    """A customer's account. Without a limit it is 0; without terms the customer pays in advance; without methods all
    that the policy allows for the sale type may be used.
    """

    customer: Code
    currency: Currency
    credit_limit: Money = Decimal(0)
    terms: Annotated[tuple[Terms, ...], _words] = (PREPAID,)
    methods: Annotated[tuple[PaymentMethod, ...], _words] = ()
    hold_reason: Text | None = None
    tax_number: Text | None = None
    invoice_title: Text | None = None
    invoice_address: Text | None = None

    @model_validator(mode="after")
    def _fits_the_currency(self) -> Self:
        to_minor(self.credit_limit, self.currency)
        return self


class OpenItemRow(MasterRow):
    """A receivable that stood open. Paid up outside of the system: load it again with the amount 0."""

    customer: Code
    reference: Code
    amount: Money
    currency: Currency
    due_date: date

    @model_validator(mode="after")
    def _fits_the_currency(self) -> Self:
        to_minor(self.amount, self.currency)
        return self


_SAVE_ACCOUNTS = """
insert into finance.accounts as a
    (customer, currency, limit_minor, terms, methods, hold_reason, tax_number, invoice_title, invoice_address)
select v.customer, v.currency, v.limit_minor, v.terms::text[], v.methods::text[], v.hold_reason, v.tax_number, v.title,
    v.address
from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[]) as v(customer, currency, limit_minor, terms, methods, hold_reason, tax_number, title, address)
order by v.customer
on conflict (customer) do update set currency = excluded.currency, limit_minor = excluded.limit_minor,
    terms = excluded.terms, methods = excluded.methods, hold_reason = excluded.hold_reason,
    tax_number = excluded.tax_number, invoice_title = excluded.invoice_title, invoice_address = excluded.invoice_address
where a.currency = excluded.currency or a.exposure_minor = 0
returning customer
"""
_LOCK_ACCOUNTS = """
select customer, currency from finance.accounts where customer = any(%s::text[]) order by customer for update
"""
_SAVE_OPEN_ITEMS = """
with given as materialized (
    select v.customer, v.reference, v.amount_minor, v.currency, v.due_date, coalesce(i.amount_minor, 0) as before
    from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::date[])
        as v(customer, reference, amount_minor, currency, due_date)
    left join finance.open_items i on i.customer = v.customer and i.reference = v.reference
), saved as (
    insert into finance.open_items (customer, reference, amount_minor, currency, due_date)
    select customer, reference, amount_minor, currency, due_date from given
    on conflict (customer, reference) do update set amount_minor = excluded.amount_minor,
        currency = excluded.currency, due_date = excluded.due_date
)
update finance.accounts a set exposure_minor = a.exposure_minor + v.change
from (select customer, sum(amount_minor - before)::bigint as change from given group by customer) v
where a.customer = v.customer
"""


def save_accounts(session: Session, rows: Sequence[AccountRow]) -> None:
    """Make or update accounts; their exposure stays. Raises ValueError for a customer given twice, and where the
    currency of an account with exposure would change: what is owed was counted in the old one.
    """
    _refuse_twice("accounts.csv", [row.customer for row in rows])
    values = [
        (
            row.customer,
            row.currency,
            to_minor(row.credit_limit, row.currency),
            array(row.terms),
            array([method.value for method in row.methods]),
            row.hold_reason,
            row.tax_number,
            row.invoice_title,
            row.invoice_address,
        )
        for row in rows
    ]
    saved = {row[0] for row in session.rows(_SAVE_ACCOUNTS, *columns(values, 9))}
    kept = sorted({row.customer for row in rows} - saved)
    if kept:
        raise ValueError(f"accounts.csv: the currency cannot change while the customer owes: {', '.join(kept)}")


def save_open_items(session: Session, rows: Sequence[OpenItemRow]) -> None:
    """Make or update open items; exposure moves by the difference. Raises ValueError for an item given twice, and for
    one whose customer has no account in that currency.
    """
    _refuse_twice("open_items.csv", [f"{row.customer} {row.reference}" for row in rows])
    accounts = {row[0]: row[1] for row in session.rows(_LOCK_ACCOUNTS, array(sorted({row.customer for row in rows})))}
    strange = sorted({row.customer for row in rows if accounts.get(row.customer) != row.currency})
    if strange:
        raise ValueError(f"open_items.csv: no account in the item's currency for: {', '.join(strange)}")
    values = [
        (row.customer, row.reference, to_minor(row.amount, row.currency), row.currency, row.due_date) for row in rows
    ]
    session.write(_SAVE_OPEN_ITEMS, *columns(values, 5))


def _refuse_twice(file: str, keys: Iterable[str]) -> None:
    twice = sorted(key for key, count in Counter(keys).items() if count > 1)
    if twice:
        raise ValueError(f"{file}: given twice: {', '.join(twice)}")


MASTER: tuple[MasterFile[Any], ...] = (
    MasterFile("accounts", AccountRow, save_accounts),
    MasterFile("open_items", OpenItemRow, save_open_items),
    MasterFile("payment_accounts", PaymentAccountRow, save_payment_accounts),
)
"""In the order in which they are loaded."""
