"""The schema of this department: customers (CRM-03), products and prices; the other departments read them by views."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.tables import NAMES

SCHEMA = "sales_review"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

customers = Table(
    "customers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("contact_name", Text, nullable=False),
    Column("phone", Text),
    Column("email", Text),
    Column("sale_type", Text, nullable=False, comment="the only one that an order of this customer may have"),
    Column("class", Text, comment="A, B or C by importance; null: not classified yet"),
    Column(
        "reviewed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
        comment="when the record was last loaded or confirmed",
    ),
    CheckConstraint("sale_type in ('domestic', 'foreign', 'internal')", name="sale_type"),
    CheckConstraint("class in ('A', 'B', 'C')", name="class"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    comment="who buys: identity, contacts, class",
)

products = Table(
    "products",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("weight_grams", BigInteger, nullable=False, comment="of one unit, packed"),
    Column("countries", ARRAY(Text), comment="where it may be delivered and is supported; null: everywhere"),
    CheckConstraint("weight_grams >= 0", name="weight_grams"),
    CheckConstraint("countries <> '{}'", name="countries"),
    comment="what is sold",
)

prices = Table(
    "prices",
    metadata,
    Column("product", Text, ForeignKey(products.c.code), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True, comment="holds until the next later one"),
    Column("unit_price_minor", BigInteger, nullable=False),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    comment="the price list",
)

strategy = Table(
    "strategy",
    metadata,
    Column("code", Text, primary_key=True),
    Column("customer_class", Text, comment="null: every class"),
    Column("category", Text, comment="of products; null: every one"),
    Column("country", Text, comment="where the goods go; null: everywhere"),
    Column("region", Text, comment="likewise"),
    Column(
        "least_price_basis_points",
        Integer,
        comment="the smallest share of the list price after discount; null: not sold at all",
    ),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    CheckConstraint("customer_class in ('A', 'B', 'C')", name="customer_class"),
    CheckConstraint("least_price_basis_points between 1 and 100000", name="least_price_basis_points"),
    CheckConstraint("num_nonnulls(customer_class, category, country, region) > 0", name="is_about_something"),
    comment="market strategy: what is not sold to whom, or not below which share of the list price",
)

reports = Table(
    "reports",
    metadata,
    Column("order_id", Uuid(as_uuid=False), primary_key=True),
    Column("round", SmallInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False, comment="who entered, handed over, answered"),
    Column("to", Text, comment="who took the paper"),
    Column("remarks", Text, nullable=False),
    CheckConstraint("kind in ('entered', 'handed_over', 'confirmed', 'change_wanted')", name="kind"),
    CheckConstraint("(kind = 'handed_over') = (\"to\" is not null)", name="paper_goes_to_somebody"),
    comment="what steps of an order waited for and people reported: formal entry, paper, the customer's word",
)
