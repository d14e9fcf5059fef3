"""The records that submitted orders refer to: customers, products, quotations. Read for a whole batch at once."""

from collections.abc import Sequence

from messages.orders import OrderSubmitted
from shared.database import Row, Session, array
from workers.intake.check import Catalog, Quoted
from workers.intake.parse import Partial

Statement = tuple[str, tuple[object, ...]]


def wanted(documents: Sequence[OrderSubmitted | Partial]) -> list[Statement]:
    """What to read for these documents. Quotations are only asked for where there is one."""
    customers = sorted({each.customer.code for each in documents if each.customer})
    products = sorted({line.product for each in documents for line in each.lines if line})
    statements: list[Statement] = [(_CUSTOMERS, (array(customers),)), (_PRODUCTS, (array(products),))]
    quotations = sorted({each.quotation for each in documents if each.quotation})
    return [*statements, (_QUOTATIONS, (array(quotations),))] if quotations else statements


def catalog(found: Sequence[Sequence[Row]]) -> Catalog:
    """From the rows of those statements."""
    customers, products, *quotations = found
    return Catalog(
        {row[0]: (row[1], row[2], row[3]) for row in customers},
        frozenset(row[0] for row in products),
        {row[0]: Quoted(*row[1:]) for rows in quotations for row in rows},
    )


def catalog_for(session: Session, documents: Sequence[OrderSubmitted | Partial]) -> Catalog:
    """The records that these documents refer to. One round trip."""
    return catalog(session.together(*wanted(documents))) if documents else Catalog({}, frozenset())


_CUSTOMERS = """
select c.customer, coalesce(c.class, ''), h.customer is null, c.sale_type
from unnest(%s::text[]) as k(customer) join sales_review.customer_list c on c.customer = k.customer
left join after_sales.customer_history h on h.customer = k.customer
"""
_PRODUCTS = """
select p.product from unnest(%s::text[]) as k(product) join sales_review.product_list p on p.product = k.product
"""
_QUOTATIONS = """
select q.number, q.customer, q.currency, q.expires_on, q.accepted, u.order_id
from unnest(%s::text[]) as k(number) join sales_review.quotation_list q on q.number = k.number
left join core.quotation_uses u on u.quotation = q.number
"""
