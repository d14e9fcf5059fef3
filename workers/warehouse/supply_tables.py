"""What this department keeps of buying and making: suppliers, purchases, production. In pieces, as all quantities."""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from workers.warehouse.tables import metadata

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)
_OPEN = text("closed_at is null")
_SCORES = ("capacity", "punctuality", "coordination", "after_sales", "technical_support", "problem_solving")

suppliers = Table(
    "suppliers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    *(Column(name, SmallInteger, nullable=False, comment="0 to 100") for name in _SCORES),
    Column("receipts", BigInteger, nullable=False, server_default="0"),
    Column("late", BigInteger, nullable=False, server_default="0", comment="of the receipts"),
    Column("delivered", BigInteger, nullable=False, server_default="0", comment="pieces, those that failed included"),
    Column("bad", BigInteger, nullable=False, server_default="0", comment="of those: failed, or sent back later"),
    *(CheckConstraint(f"{name} between 0 and 100", name=name) for name in _SCORES),
    CheckConstraint("late between 0 and receipts and bad between 0 and delivered", name="record"),
    comment="whom we buy from, with their scores and what really came of it",
)

supplier_evaluations = Table(
    "supplier_evaluations",
    metadata,
    Column("supplier", Text, primary_key=True),
    Column("evaluated_at", _time, primary_key=True),
    Column("quality_system", Text, nullable=False, comment="how it was assessed, in words"),
    Column("method", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("score", SmallInteger, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("method in ('sample_test', 'site_visit')", name="method"),
    CheckConstraint("score between 0 and 100", name="score"),
    comment="quality evaluations; the latest counts",
)

supplier_quotations = Table(
    "supplier_quotations",
    metadata,
    Column("product", Text, primary_key=True),
    Column("supplier", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_until", Date, nullable=False),
    Column("minimum_quantity", BigInteger, nullable=False),
    Column("lead_time_days", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    CheckConstraint("valid_until >= valid_from", name="span"),
    CheckConstraint("minimum_quantity > 0 and lead_time_days >= 0 and unit_price_minor > 0", name="figures"),
    comment="what suppliers ask for a piece; of one supplier the one that began last counts",
)

purchases = Table(
    "purchases",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False, comment="whose shortage it covers"),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("needed_by", Date, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("expected_on", Date, nullable=False),
    Column("placed_at", _time, nullable=False),
    Column("reason", Text, nullable=False, comment="why this supplier: a code, or what a person said"),
    Column("comparison", JSON, nullable=False, comment="the candidates with their scores, and who was excluded"),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("closed_at", _time),
    Column("cancelled", Boolean, nullable=False, server_default="false"),
    CheckConstraint("quantity > 0 and received between 0 and quantity", name="never_over_delivered"),
    CheckConstraint("closed_at is not null or received < quantity", name="closed"),
    CheckConstraint("not cancelled or closed_at is not null", name="cancelled"),
    Index("uq_purchases_order_id", "order_id", "product", unique=True, postgresql_where=_OPEN),
    comment="purchase requests, each placed with the supplier that was selected",
)

purchase_receipts = Table(
    "purchase_receipts",
    metadata,
    Column("fact_id", _id, primary_key=True),
    Column("number", Text, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="taken into stock"),
    Column("failed", BigInteger, nullable=False, comment="failed the inspection and went back at once"),
    Column("location", Text, nullable=False),
    CheckConstraint("quantity >= 0 and failed >= 0 and quantity + failed > 0", name="quantity"),
    Index("ix_purchase_receipts_number", "number"),
    comment="what arrived against purchases",
)

purchase_returns = Table(
    "purchase_returns",
    metadata,
    Column("fact_id", _id, primary_key=True),
    Column("number", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_purchase_returns_number", "number"),
    comment="pieces that turned out bad after they were taken; they count against the supplier",
)

production_units = Table(
    "production_units",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("capacity", BigInteger, nullable=False, comment="pieces on a working day"),
    Column("manager", Text, comment="who is told; null: the holders of the role production_planner"),
    Column("products", ARRAY(Text), nullable=False),
    CheckConstraint("capacity >= 0", name="capacity"),
    comment="production units, and what they make",
)

bill_of_materials = Table(
    "bill_of_materials",
    metadata,
    Column("product", Text, primary_key=True),
    Column("material", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False, comment="for one piece"),
    CheckConstraint("quantity > 0 and material <> product", name="quantity"),
    comment="what a product is made of",
)

production_days = Table(
    "production_days",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("capacity", BigInteger, nullable=False),
    Column("committed", BigInteger, nullable=False),
    CheckConstraint("committed between 0 and capacity", name="never_overbooked"),
    comment="what open plans take of a unit's days",
)

production_plans = Table(
    "production_plans",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False, comment="whose shortage it covers"),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("needed_by", Date, nullable=False),
    Column("unit", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("finishes_on", Date, nullable=False, comment="as expected now"),
    Column("assigned_at", _time, nullable=False),
    Column("wanted", ARRAY(Text), nullable=False, comment="the roles that must confirm before work starts"),
    Column("done", BigInteger, nullable=False, server_default="0", comment="as last reported"),
    Column("good", BigInteger, comment="passed the inspection; null: not finished"),
    Column("closed_at", _time),
    CheckConstraint("quantity > 0 and done between 0 and quantity and good between 0 and quantity", name="quantity"),
    CheckConstraint("starts_on <= finishes_on", name="span"),
    CheckConstraint("good is null or closed_at is not null", name="closed"),
    Index("uq_production_plans_order_id", "order_id", "product", unique=True, postgresql_where=_OPEN),
    comment="production plans; closed without good pieces: called off",
)

production_shares = Table(
    "production_shares",
    metadata,
    Column("number", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    comment="what a plan takes of its unit's days",
)

production_materials = Table(
    "production_materials",
    metadata,
    Column("number", Text, primary_key=True),
    Column("material", Text, primary_key=True),
    Column("needed", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False, comment="when it was planned"),
    CheckConstraint("needed > 0", name="needed"),
    comment="what a plan takes; without any it is no plan yet",
)

production_confirmations = Table(
    "production_confirmations",
    metadata,
    Column("number", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("at", _time, nullable=False),
    comment="who has confirmed a plan, for which department",
)

production_reports = Table(
    "production_reports",
    metadata,
    Column("fact_id", _id, primary_key=True),
    Column("number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", _time, nullable=False),
    Column("reported_by", Text, nullable=False),
    Column("done", BigInteger),
    Column("finishes_on", Date),
    Column("remarks", Text, nullable=False),
    CheckConstraint("kind in ('planned', 'progress', 'delayed', 'finished')", name="kind"),
    Index("ix_production_reports_number", "number"),
    comment="what was reported of plans: changes, progress, delays, the end",
)
