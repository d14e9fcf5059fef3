"""The customer database (客户信息数据库; CRM-01, CRM-03): classes by sales, potential by a person, reviews."""

from datetime import datetime
from typing import Any

from shared.attempts import note, note_all, note_refused, without_role
from shared.authority import Refusal
from shared.calendar import BUSINESS_ZONE
from shared.database import Row, Session, columns
from shared.money import MoneyError, convert
from shared.policy import Policy
from shared.roles import SALES
from workers.sales_review.customer_rules import classify

CLASSIFIER = "classification"
"""In whose name classes are set."""
MAY_OVERRIDE = ("sales_manager", "market_manager")
"""Who may say that a customer has more, or less, potential than its sales tell."""


def reclassify(session: Session, policy: Policy, now: datetime) -> int:
    """Set every customer's class from the sales of the policy's last months, and record each that changed; returns how
    many did. A few round trips, however many customers there are.

    Sales in a currency without a rate count nothing. Whoever bought nothing in these months is of class C.
    """
    session.write("set local statement_timeout = 0")  # it reads a year of the archive
    sales: dict[str, int] = {}
    for customer, currency, total in session.rows(_SALES, now, policy.class_months):
        sales[customer] = sales.get(customer, 0) + _worth(int(total), currency, policy)
    classes = classify(sales, policy.class_cutoffs_basis_points)
    for setting in _WHOLE_TABLES:
        session.write(setting)
    changed = session.rows(_CLASSIFY, *columns(sorted(classes.items()), 2))
    note_all(
        session,
        now,
        [
            (CLASSIFIER, "customer.classified", code, {"from": old, "to": new, "sales_minor": sales.get(code, 0)})
            for code, old, new in sorted(changed)
        ],
    )
    return len(changed)


def _worth(amount: int, currency: str, policy: Policy) -> int:
    try:
        return convert(amount, currency, policy.base_currency, policy.rates)
    except MoneyError:
        return 0


def reclassify_daily(session: Session, policy: Policy, now: datetime) -> int:
    """The same, unless it was done today; two at once take turns, and the second finds nothing to do."""
    if session.row(_TODAY, now.astimezone(BUSINESS_ZONE).date()) is None:
        return 0
    return reclassify(session, policy, now)


def override(
    session: Session, person: str, customer: str, class_: str | None, reason: str, now: datetime
) -> Refusal | None:
    """Set a customer's class by its potential, whatever its sales; None: take that back. Says why it is refused."""
    refused = without_role(session, person, MAY_OVERRIDE) or _unreasoned(reason)
    found = None if refused else session.row(_OVERRIDE, customer, class_, reason, person, now)
    if refused is None and found is None:
        refused = Refusal("customer.unknown", {"customer": customer})
    if refused:
        note_refused(session, now, person, "customer.override", customer, refused)
        return refused
    assert found is not None, "an unknown one is refused"
    note(session, now, person, "customer.override", customer, {"from": found[0], "to": class_, "reason": reason})
    return None


def review(session: Session, person: str, customer: str, now: datetime) -> Refusal | None:
    """Somebody of sales has looked a record through (客户信息定期更新). Says why where it is refused."""
    refused = without_role(session, person, SALES)
    if refused is None and session.row(_REVIEW, now, customer) is None:
        refused = Refusal("customer.unknown", {"customer": customer})
    if refused:
        note_refused(session, now, person, "customer.review", customer, refused)
        return refused
    note(session, now, person, "customer.review", customer, {})
    return None


def customers(
    session: Session, months: int, now: datetime, class_: str | None, to_review: bool, limit: int
) -> list[dict[str, Any]]:
    """Customers by code, all or of a class, or those whose record nobody has looked at for so many months (CRM-03)."""
    rows = session.rows(_LIST, now, months, class_, class_, to_review, now, months, limit)
    return [_named(row) for row in rows]


def customer(session: Session, code: str, months: int, now: datetime) -> dict[str, Any] | None:
    """One customer with terms, limit and what its orders, cases and answers tell (CRM-03, CRM-04); None: unknown."""
    row = session.row(_SHOW, now, months, code)
    if row is None:
        return None
    names = (
        "limit_minor",
        "currency",
        "terms",
        "orders",
        "surveys",
        "score_total",
        "cases",
        "open_cases",
        "complaints",
    )
    return _named(row[: len(_NAMES)]) | dict(zip(names, row[len(_NAMES) :], strict=True))


_NAMES = (
    "customer", "name_zh", "name_en", "country", "class", "by_sales", "override_reason", "contact_name", "phone",
    "email", "reviewed_at", "to_review",
)  # fmt: skip


def _named(row: Row) -> dict[str, Any]:
    return dict(zip(_NAMES, row, strict=True))


def _unreasoned(reason: str) -> Refusal | None:
    return None if reason.strip() else Refusal("customer.no_reason", {})


_SALES = """
select a.customer, a.currency, sum(a.total_minor) from after_sales.archived_sales a
where a.archived_at > %s::timestamptz - make_interval(months => %s) group by a.customer, a.currency
"""
# All customers at once are joined by hashes; what processes are otherwise kept from is right here.
_WHOLE_TABLES = tuple(f"set local {way} = on" for way in ("enable_seqscan", "enable_hashjoin"))
_CLASSIFY = """
update sales_review.customers c set class = w.class
from (
    select o.code, o.class as old, coalesce(m.class, 'C') as class
    from sales_review.customers o left join unnest(%s::text[], %s::text[]) as m(code, class) on m.code = o.code
    where coalesce(m.class, 'C') is distinct from o.class
) w
where c.code = w.code returning c.code, w.old, w.class
"""
_TODAY = "insert into sales_review.classifications (day) values (%s) on conflict do nothing returning day"
_OVERRIDE = """
update sales_review.customers c
set class_override = v.class, override_reason = v.reason, override_by = v.by, override_at = v.at
from (select code, coalesce(class_override, class) as class from sales_review.customers where code = %s for update) o,
    (values (%s::text, %s::text, %s::text, %s::timestamptz)) as v(class, reason, by, at)
where c.code = o.code returning o.class
"""
_REVIEW = "update sales_review.customers set reviewed_at = %s where code = %s returning code"
_LIST = """
select c.code, c.name_zh, c.name_en, c.country, coalesce(c.class_override, c.class), c.class, c.override_reason,
c.contact_name, c.phone, c.email, c.reviewed_at, c.reviewed_at < %s::timestamptz - make_interval(months => %s)
from sales_review.customers c
where (%s::text is null or coalesce(c.class_override, c.class) = %s)
    and (not %s or c.reviewed_at < %s::timestamptz - make_interval(months => %s))
order by c.code limit %s
"""
_SHOW = """
select c.code, c.name_zh, c.name_en, c.country, coalesce(c.class_override, c.class), c.class, c.override_reason,
c.contact_name, c.phone, c.email, c.reviewed_at, c.reviewed_at < %s::timestamptz - make_interval(months => %s),
    t.limit_minor, t.currency, t.terms, coalesce(p.archived_orders, 0),
    coalesce(p.surveys_answered, 0),
    coalesce(p.score_total, 0), coalesce(p.cases, 0), coalesce(p.open_cases, 0), coalesce(p.complaints, 0)
from sales_review.customers c
left join finance.customer_terms t on t.customer = c.code
left join after_sales.customer_profile p on p.customer = c.code
where c.code = %s
"""
