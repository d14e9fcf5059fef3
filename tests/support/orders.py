"""Builders of orders: the wire form, and orders put straight into a database for tests of what comes after intake."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from messages.batch import Batch
from messages.orders import Line, Order, write_order
from shared.database import Database, columns
from shared.history import Kind
from shared.ids import new_id
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import Standing
from shared.states import State

NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)


def submitted(external_id: str = "X-1", **changes: Any) -> dict[str, Any]:
    """A well-formed submission as an upstream system publishes it; top-level fields may be replaced."""
    return {
        "schema_version": 1,
        "source": "shop",
        "external_id": external_id,
        "customer": {"code": "C001", "name": "上海明珠贸易有限公司"},
        "contact": {"name": "王芳", "phone": "+86 21 5555 0101", "email": "wang@example.com"},
        "delivery": {"address": "上海市浦东新区世纪大道1号", "country": "CN", "region": "上海"},
        "channel": "online",
        "sale_type": "domestic",
        "entry_system": "ERP",
        "currency": "CNY",
        "lines": [
            {"product": "P001", "quantity": 3, "unit_price": "100.00"},
            {"product": "P002", "quantity": 2, "unit_price": "50.00", "discount_percent": "0"},
        ],
        "total": "400.00",
        "requested_date": (NOW.date() + timedelta(days=30)).isoformat(),
        "payment": {"method": "wire", "terms": "net_30"},
        **changes,
    }


def an_order(order_id: str | None = None, **changes: Any) -> Order:
    """A stored order of two lines and 400.00 CNY; fields may be replaced."""
    known: dict[str, Any] = {
        "id": order_id or new_id(),
        "number": f"SO-20260615-{new_id()[-6:]}",
        "source": "shop",
        "external_id": new_id(),
        "creator": "sam",
        "created_at": NOW,
        "customer": {"code": "C001", "name": "上海明珠贸易有限公司"},
        "contact": {"name": "王芳", "phone": "+86 21 5555 0101"},
        "delivery": {"address": "上海市浦东新区世纪大道1号", "country": "CN", "region": "上海"},
        "channel": "online",
        "sale_type": "domestic",
        "entry_system": "ERP",
        "currency": "CNY",
        "lines": (
            Line(
                number=1,
                product="P001",
                quantity=3,
                unit_price_minor=10_000,
                discount_basis_points=0,
                amount_minor=30_000,
            ),
            Line(
                number=2,
                product="P002",
                quantity=2,
                unit_price_minor=5_000,
                discount_basis_points=0,
                amount_minor=10_000,
            ),
        ),
        "total_minor": 40_000,
        "total_base_minor": 40_000,
        "requested_date": date(2026, 7, 15),
        "payment": {"method": "wire", "terms": "net_30"},
    }
    return msgspec.convert(known | changes, Order, from_attributes=True)


def open_orders(
    database: Database, definition: Definition, policy: Policy, orders: Iterable[Order], now: datetime = NOW
) -> list[Batch]:
    """Put orders at the first step of a definition, as intake does; returns the batches to be worked on."""
    journal = Journal(now)
    given = list(orders)
    headers, documents = [], []
    for order in given:
        folder = Standing(order.id, 0, State.DRAFT, 1, 1, [], [], None, b"", definition, policy, order)
        journal.begin_round(folder, Kind.RECEIVED, order.creator, {})
        documents.append((order.id, write_order(order)))
        headers.append(
            (
                order.id,
                order.number,
                order.source,
                order.external_id,
                b"-",
                order.creator,
                order.customer.code,
                order.customer.name,
                order.sale_type,
                order.channel,
                order.currency,
                order.total_minor,
                order.total_base_minor,
                order.requested_date,
                now,
            )
        )
    with database.transaction() as session:
        session.write(_HEADERS, *columns(headers, 15))
        session.write(_DOCUMENTS, *columns(documents, 2))
        return journal.write(session)


_HEADERS = """
insert into core.order_headers (order_id, number, source, external_id, content_hash, creator, customer, customer_name,
    sale_type, channel, currency, total_minor, total_base_minor, requested_date, created_at)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::date[], %s::timestamptz[])
"""
_DOCUMENTS = """
insert into core.order_documents (order_id, revision, document)
select v.id, 1, v.document from unnest(%s::uuid[], %s::json[]) as v(id, document)
"""
