"""sales_review, finance, warehouse, logistics: the views that documents are printed from"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

VIEWS = (
    """
create view sales_review.quotation_papers as
select q.number, q.customer, c.name_zh, c.name_en, c.address, c.contact_name, c.phone, c.email, q.currency,
    q.description, q.made_by, q.made_at, q.expires_on, q.accepted_at
from sales_review.quotations q join sales_review.customers c on c.code = q.customer
""",
    """
create view sales_review.quotation_paper_lines as
select quotation as number, line, product, quantity, unit_price_minor, description from sales_review.quotation_lines
""",
    """
create view finance.invoice_papers as
select i.number, i.order_id, i.voucher, i.title, i.tax_number, i.address, i.currency, i.amount_minor, i.tax_minor,
    v.tax_basis_points, i.issued_at, i.due_date, i.corrects, i.corrected_at
from finance.invoices i join finance.vouchers v on v.number = i.voucher
""",
    """
create view finance.order_movements as
select order_id, 'invoice' as kind, number, issued_at as at, currency, amount_minor as owed_minor,
    0::bigint as paid_minor
from finance.invoices
union all
select order_id, 'payment', reference, received_at, currency, 0, amount_minor
from finance.payments where order_id is not null
""",
    """
create view warehouse.packing_papers as
select number, order_id, packed_at, packages, weight_grams
from warehouse.preparations where packed_at is not null and cancelled_at is null
""",
    """
create view warehouse.packing_paper_lines as
select p.number, p.first, p.last, p.material, p.weight_grams, c.line, c.product, c.quantity
from warehouse.packages p join warehouse.package_contents c on c.number = p.number and c.first = p.first
""",
    """
create view warehouse.inspection_papers as
select number, order_id, inspected_at, passed, inspector from warehouse.inspection_reports
""",
    # What failed is no longer on the preparation: it was blocked where it lay.
    """
create view warehouse.inspection_paper_lines as
select number, line, product, location, quantity from warehouse.preparation_lines
union all
select document, 0, product, location, blocked from warehouse.stock_movements where kind = 'blocked'
""",
    """
create view logistics.delivery_note_papers as
select n.number, n.order_id, n.address, n.country, n.carrier, c.name_zh as carrier_zh, c.name_en as carrier_en,
    n.issued_at
from logistics.delivery_notes n left join logistics.carriers c on c.code = n.carrier where n.recalled_at is null
""",
    """
create view logistics.delivery_note_paper_lines as
select note as number, line, product, quantity from logistics.delivery_note_lines
""",
    """
create view logistics.tracking_papers as
select s.tracking_number as number, s.order_id, s.note, n.address, n.country, s.carrier, c.name_zh as carrier_zh,
    c.name_en as carrier_en, s.packages, s.weight_grams, s.quantity, s.shipped_at, s.delivered_at,
    case when p.withdrawn_at is null then p.promised_date end as promised_date
from logistics.shipments s join logistics.delivery_notes n on n.number = s.note
left join logistics.carriers c on c.code = s.carrier
left join logistics.plans p on p.order_id = s.order_id
where s.recalled_at is null
""",
    """
create view compliance.signing_days as select contract_id, round, signed_on from compliance.signatures
""",
)


def upgrade() -> None:
    for view in VIEWS:
        op.execute(view)
    op.create_index(
        "ix_stock_movements_blocked",
        "stock_movements",
        ["document"],
        unique=False,
        schema="warehouse",
        postgresql_where=sa.text("kind = 'blocked'"),
    )
