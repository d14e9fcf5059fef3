"""What compliance reads and keeps: its list of restrictions, and what the records say about products and customers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import model_validator

from messages.contract import Code, Name, Text
from shared.database import Session, array, columns
from shared.department import Visit
from shared.master import MasterFile, MasterRow
from workers.compliance.rules import Kind, Party, Restriction, Rulebook, normal, rulebook

_RESTRICTIONS = "select code, kind, value, name_zh, name_en, source from compliance.rules where active order by code"
_RECORDS = """
select 'product', p.product, p.category, null, null, null
from unnest(%s::text[]) as w(product) join sales_review.product_list p on p.product = w.product
union all
select 'customer', c.customer, c.name_zh, c.name_en, c.country, c.region
from unnest(%s::text[]) as w(customer) join sales_review.customer_list c on c.customer = w.customer
"""


@dataclass(frozen=True, slots=True)
class Records:
    """What the orders of a batch are checked with: the rules, the products' categories, the customers by code."""

    book: Rulebook
    categories: Mapping[str, str]
    customers: Mapping[str, Party]

    def absorb(self, effect: object) -> None:
        """A check changes nothing that the next one looks at."""


@dataclass(frozen=True, slots=True)
class Restricted:
    """The rules alone, for what is no order."""

    book: Rulebook

    def absorb(self, effect: object) -> None:
        """A check changes nothing that the next one looks at."""


def read_restrictions(session: Session) -> Restricted:
    """Every active rule."""
    return Restricted(_rulebook(session))


def _rulebook(session: Session) -> Rulebook:
    return rulebook(
        [
            Restriction(code, Kind(kind), value, name_zh, name_en, source)
            for code, kind, value, name_zh, name_en, source in session.rows(_RESTRICTIONS)
        ]
    )


def read_records(session: Session, visits: Sequence[Visit]) -> Records:
    """Every active rule, and the records that the orders name, as far as they are known. Two round trips, no locks."""
    categories: dict[str, str] = {}
    customers: dict[str, Party] = {}
    if not visits:
        return Records(rulebook(()), categories, customers)
    book = _rulebook(session)
    products = {line.product for visit in visits for line in visit.order.lines}
    codes = {visit.order.customer.code for visit in visits}
    for record, code, name, other_name, country, region in session.rows(
        _RECORDS, array(sorted(products)), array(sorted(codes))
    ):
        if record == "product":
            categories[code] = name
        else:
            customers[code] = Party((name, other_name), country, region)
    return Records(book, categories, customers)


class RuleRow(MasterRow):
    """A restriction (受限规则) and the list that it was taken from. One of the two names is enough. A country is a code
    of two letters, as on orders.
    """

    code: Code
    kind: Kind
    value: Name
    name_zh: Text = ""
    name_en: Text = ""
    source: Text = ""
    active: bool = True

    @model_validator(mode="after")
    def _can_match(self) -> Self:
        if not (self.name_zh or self.name_en):
            raise ValueError("one of name_zh and name_en is needed")
        if self.kind is Kind.COUNTRY and not re.fullmatch("[a-z]{2}", normal(self.value)):
            raise ValueError("a country is a code of two letters, such as CN")
        return self


_SAVE_RULES = """
insert into compliance.rules (code, kind, value, name_zh, name_en, source, active)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[])
on conflict (code) do update set
    kind = excluded.kind, value = excluded.value, name_zh = excluded.name_zh, name_en = excluded.name_en,
    source = excluded.source, active = excluded.active
"""


def save_rules(session: Session, rows: Sequence[RuleRow]) -> None:
    """Make or change rules. One that is no longer wanted is loaded as inactive."""
    values = [
        (row.code, row.kind, row.value, row.name_zh or row.name_en, row.name_en or row.name_zh, row.source, row.active)
        for row in rows
    ]
    session.write(_SAVE_RULES, *columns(values, 7))


MASTER: tuple[MasterFile[Any], ...] = (MasterFile("compliance_rules", RuleRow, save_rules),)
"""The master data file of compliance."""
