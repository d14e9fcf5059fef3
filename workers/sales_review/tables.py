"""The schema of this department: customers (CRM-03), products and prices; the other departments read them by views."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
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
    Column("class", Text, comment="A, B or C by sales; null: not classified yet"),
    Column("class_override", Text, comment="by potential, as a person says; goes before `class`"),
    Column("override_reason", Text),
    Column("override_by", Text),
    Column("override_at", DateTime(timezone=True)),
    Column(
        "reviewed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
        comment="when the record was last loaded or confirmed",
    ),
    CheckConstraint("sale_type in ('domestic', 'foreign', 'internal')", name="sale_type"),
    Column("language", Text, comment="that they are written to in; null: by where the goods go"),
    CheckConstraint("class in ('A', 'B', 'C')", name="class"),
    CheckConstraint("class_override in ('A', 'B', 'C')", name="class_override"),
    CheckConstraint("language in ('zh', 'en')", name="language"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
    comment="who buys: identity, contacts, class",
)

classifications = Table(
    "classifications",
    metadata,
    Column("day", Date, primary_key=True),
    comment="days of business on which customers were classified by their sales",
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

quotations = Table(
    "quotations",
    metadata,
    Column("number", Text, primary_key=True),
    Column("customer", Text, ForeignKey(customers.c.code), nullable=False),
    Column("currency", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("expires_on", Date, nullable=False, comment="the last day on which it may be accepted and ordered from"),
    Column("accepted_at", DateTime(timezone=True)),
    Column("accepted_by", Text, comment="who of the customer said so, or the salesperson who heard it"),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    CheckConstraint("(accepted_at is null) = (accepted_by is null)", name="accepted_by_somebody"),
    Index("ix_quotations_customer", "customer"),
    comment="报价: prices offered to a customer",
)

quotation_lines = Table(
    "quotation_lines",
    metadata,
    Column("quotation", Text, ForeignKey(quotations.c.number), primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("product", Text, ForeignKey(products.c.code), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("description", Text, nullable=False, comment="of the product, as agreed"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
    UniqueConstraint("quotation", "product"),
    comment="what a quotation offers; agreed once it is accepted, and unchanged from then on",
)

inquiries = Table(
    "inquiries",
    metadata,
    Column("number", Text, primary_key=True),
    Column("customer", Text, nullable=False, comment="a code, or the name of somebody who is no customer yet"),
    Column("about", Text, nullable=False),
    Column("product", Text),
    Column("question", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="overdue after that, unless answered"),
    Column("answer", Text),
    Column("answered_by", Text),
    Column("answered_at", DateTime(timezone=True)),
    CheckConstraint("about in ('product', 'price', 'delivery')", name="about"),
    CheckConstraint("question <> ''", name="asks_something"),
    CheckConstraint("num_nonnulls(answer, answered_by, answered_at) in (0, 3)", name="answered_whole"),
    CheckConstraint("answer <> ''", name="answer_says_something"),
    Index("ix_inquiries_unanswered", "due_at", postgresql_where=text("answered_at is null")),
    comment="询价, 咨询: what customers asked, and what they were answered",
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
