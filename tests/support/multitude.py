"""Many finished orders at once, made inside the database: headers, rows and documents, without histories."""

from shared.database import Database
from tests.support.database import AS_OWNER


def many_orders(database: Database, count: int) -> None:
    """One a minute since 2020, of 100 customers, 3 sources and 1,000 products; the last 10 of each 1,000 in review."""
    with database.transaction() as session:
        session.write(AS_OWNER)
        session.write("set local statement_timeout = 0")
        session.write(_IDS, count)
        for statement in (_ORDERS, _HEADERS, _DOCUMENTS):
            session.write(statement)
        session.write("analyze core.orders, core.order_headers, core.order_documents")


_IDS = """
create temp table made on commit drop as
select n, (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid as id,
    timestamptz '2020-01-01 00:00+08' + n * interval '1 minute' as at
from generate_series(1, %s::int) n
"""
_ORDERS = """
insert into core.orders
    (id, version, state, round, revision, open, done, definition, policy, head, updated_at, submitted_at)
select id, 1, case when n %% 1000 >= 990 then 'in_review' else 'archived' end, 1, 1, '{}', '{}', 'd@1', 'standard@1',
    '', at, at
from made
"""
_HEADERS = """
insert into core.order_headers
    (order_id, document_kind, number, source, external_id, content_hash, creator, customer, customer_name, sale_type,
    channel, currency, total_minor, total_base_minor, requested_date, created_at)
select id, case when n %% 100 = 0 then 'contract' else 'order' end, 'SO-' || n, 'source-' || n %% 3, 'X-' || n, '',
    'sam', 'C' || n %% 100, 'Customer', case when n %% 10 = 0 then 'foreign' else 'domestic' end, 'online',
    case when n %% 10 = 0 then 'USD' else 'CNY' end, n * 100, n * 100, '2026-01-01', at
from made
"""
_DOCUMENTS = """
insert into core.order_documents (order_id, revision, document)
select id, 1, json_build_object('lines', json_build_array(json_build_object('product', 'P' || n %% 1000)))
from made
"""
