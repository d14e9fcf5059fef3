"""The schema of this department: carriers, what was planned, delivery notes (发货单) and shipments (物流追踪单)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from shared.tables import NAMES

SCHEMA = "logistics"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

carriers = Table(
    "carriers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    comment="who carries goods for us",
)

carrier_rates = Table(
    "carrier_rates",
    metadata,
    # In the order in which they are looked up: by place.
    Column("country", Text, primary_key=True),
    Column("region", Text, primary_key=True, comment="empty: the whole country; a region's own rate goes before it"),
    Column("carrier", Text, ForeignKey(carriers.c.code), primary_key=True),
    Column("base_fee_minor", BigInteger, nullable=False),
    Column("per_kg_fee_minor", BigInteger, nullable=False, comment="for every kilogram begun"),
    Column("currency", Text, nullable=False),
    Column("transit_days", SmallInteger, nullable=False),
    CheckConstraint("base_fee_minor >= 0 and per_kg_fee_minor >= 0", name="fees"),
    CheckConstraint("transit_days >= 0", name="transit_days"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    comment="what a carrier takes to a place, and how long it is on the way",
)

plans = Table(
    "plans",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("carrier", Text, comment="null: a person arranges the transport by hand"),
    Column("freight_minor", BigInteger),
    Column("currency", Text, comment="of the freight: the policy's base currency"),
    Column("arrival", Date, comment="when the carrier is expected to arrive"),
    Column("promised_date", Date, comment="承诺交期; null: none, because the transport is arranged by hand"),
    Column("weight_grams", BigInteger, nullable=False),
    Column(
        "comparison",
        JSON,
        nullable=False,
        comment="every carrier as [code, freight_minor, days, arrival, in time]; freight null: no exchange rate",
    ),
    Column("planned_at", _time, nullable=False),
    Column("withdrawn_at", _time, comment="when the order was returned or cancelled"),
    CheckConstraint(
        "num_nulls(carrier, freight_minor, currency, arrival, promised_date) in (0, 5)", name="carrier_or_by_hand"
    ),
    comment="the chosen carrier of every order, with the comparison it was chosen from",
)

delivery_notes = Table(
    "delivery_notes",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("customer", Text, nullable=False),
    Column("customer_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("carrier", Text, comment="null: arranged by hand"),
    Column("issued_at", _time, nullable=False),
    Column("recalled_at", _time),
    Column("folder_id", _id, comment="what its own approval is kept under; null: it has none"),
    Column("part", SmallInteger, nullable=False),
    Column("ships_on", Date, comment="the day that was agreed to, where it changed"),
    Index("uq_delivery_notes_folder_id", "folder_id", unique=True, postgresql_where=text("folder_id is not null")),
    Index(
        "uq_delivery_notes_order_id_part",
        "order_id",
        "part",
        unique=True,
        postgresql_where=text("recalled_at is null"),
    ),
    comment="发货单; several where an order leaves in parts",
)

ordered_lines = Table(
    "ordered_lines",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("ordered", BigInteger, nullable=False),
    Column("noted", BigInteger, nullable=False, comment="on delivery notes that are not recalled"),
    CheckConstraint("noted between 0 and ordered", name="noted_within_ordered"),
    comment="how much of each order line stands on delivery notes: never more than was ordered",
)

delivery_note_lines = Table(
    "delivery_note_lines",
    metadata,
    Column("note", Text, ForeignKey(delivery_notes.c.number), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    ForeignKeyConstraint(["order_id", "line"], [ordered_lines.c.order_id, ordered_lines.c.line]),
    CheckConstraint("quantity > 0", name="quantity"),
    comment="what a delivery note sends",
)

shipments = Table(
    "shipments",
    metadata,
    Column("tracking_number", Text, primary_key=True),
    Column("note", Text, ForeignKey(delivery_notes.c.number), nullable=False, unique=True),
    Column("order_id", _id, nullable=False),
    Column("carrier", Text, comment="null: arranged by hand"),
    Column("packages", BigInteger, comment="null: the warehouse did not pack them"),
    Column("weight_grams", BigInteger, comment="null: the warehouse did not weigh them"),
    Column("quantity", BigInteger, nullable=False, comment="units of all lines"),
    Column("shipped_at", _time, nullable=False),
    Column("delivered_at", _time),
    Column("recalled_at", _time),
    Column("rest", BigInteger, nullable=False, comment="units of the order that have yet to leave"),
    Column("documents", Text, comment="that went with the goods, separated by blanks"),
    Index("ix_shipments_order_id", "order_id", postgresql_where=text("recalled_at is null")),
    CheckConstraint("rest >= 0", name="rest"),
    CheckConstraint("delivered_at >= shipped_at", name="delivered_after_shipped"),
    CheckConstraint("delivered_at is null or recalled_at is null", name="delivered_or_recalled"),
    comment="物流追踪单: what left, once per delivery note",
)

promises = Table(
    "promises",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("promised_on", Date, nullable=False),
    Column("parties", Text, nullable=False, comment="who must confirm it, separated by blanks"),
    Column("proposed_at", _time, nullable=False),
    Column("by", Text, comment="null: reckoned from stock, production and way"),
    Column("reason", Text, nullable=False),
    Column("transit_days", SmallInteger, nullable=False),
    Column("withdrawn_at", _time, comment="when another one took its place, or its order went back"),
    Index("uq_promises_order_id", "order_id", unique=True, postgresql_where=text("withdrawn_at is null")),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("transit_days >= 0", name="transit_days"),
    comment="承诺交期: every delivery date that was proposed; one at a time is open",
)

promise_answers = Table(
    "promise_answers",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("party", Text, primary_key=True),
    Column("agreed", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", _time, nullable=False),
    Column("wanted", Date, comment="the day that is wanted instead"),
    Column("remarks", Text, nullable=False),
    ForeignKeyConstraint(["order_id", "number"], [promises.c.order_id, promises.c.number]),
    CheckConstraint("party in ('sales', 'customer')", name="party"),
    CheckConstraint("wanted is null or not agreed", name="wanted_instead"),
    comment="what sales and the customer said to each date",
)

late_orders = Table(
    "late_orders",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("promised_on", Date, primary_key=True),
    Column("marked_at", _time, nullable=False),
    comment="orders that had not left by the day that was promised, once for each",
)

note_changes = Table(
    "note_changes",
    metadata,
    Column("note", Text, ForeignKey(delivery_notes.c.number), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("change", Text, nullable=False),
    Column("ships_on", Date),
    Column("carrier", Text),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("requested_at", _time, nullable=False),
    Column("answer", Text, comment="null: nobody has answered yet"),
    Column("answered_at", _time),
    Index("uq_note_changes_note", "note", unique=True, postgresql_where=text("answer is null")),
    CheckConstraint("change in ('date', 'carrier', 'end')", name="change"),
    CheckConstraint("answer in ('agreed', 'refused')", name="answer"),
    CheckConstraint("(answer is null) = (answered_at is null)", name="answered"),
    CheckConstraint(
        "(change = 'date') = (ships_on is not null) and (change = 'carrier') = (carrier is not null)", name="what"
    ),
    comment="变更申请 of approved delivery notes; one at a time is open",
)

carrier_events = Table(
    "carrier_events",
    metadata,
    Column("tracking_number", Text, ForeignKey(shipments.c.tracking_number), primary_key=True),
    Column("at", _time, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("remarks", Text, nullable=False),
    CheckConstraint("event in ('in_transit', 'failed_delivery', 'delivered')", name="event"),
    comment="what carriers reported, kept with the tracking slip",
)
