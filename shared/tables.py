"""The core schema. Hot tables are narrow and carry primary keys only; what people search by stands in order_headers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

SCHEMA = "core"

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

ID = Uuid(as_uuid=False)
TIME = DateTime(timezone=True)

orders = Table(
    "orders",
    metadata,
    Column("id", ID, primary_key=True),
    Column("version", Integer, nullable=False, comment="sequence number of the last event"),
    Column("state", Text, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("revision", SmallInteger, nullable=False, comment="of the document"),
    Column("open", ARRAY(Text), nullable=False, comment="steps the order is at"),
    Column("done", ARRAY(Text), nullable=False, comment="steps finished in this round, in order"),
    Column("closing", Text, comment="the state to reach once every effect is undone"),
    Column("definition", Text, nullable=False, comment="name@version, pinned for the round"),
    Column("policy", Text, nullable=False, comment="name@version, pinned for the round"),
    Column("head", LargeBinary, nullable=False, comment="hash of the last event"),
    Column("updated_at", TIME, nullable=False),
    Column("submitted_at", TIME, nullable=False, comment="when this round began"),
    Column("held_by", Text, comment="who put it on hold; null: it is not"),
    comment="where every folder (order, contract, delivery note) stands; the fold of its events",
    # Updates of a row of 300 bytes stay on their page and touch no index.
    postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
)

PRODUCTS = "jsonb_path_query_array(document::jsonb, '$.lines[*].product')"
"""The products on a document, for finding the documents of a product."""

order_documents = Table(
    "order_documents",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("revision", SmallInteger, primary_key=True),
    Column("document", JSON, nullable=False, comment="messages.folders.Document"),
    Index("ix_order_documents_products", text(PRODUCTS), postgresql_using="gin"),
    comment="what was ordered; one immutable row per revision",
)

order_headers = Table(
    "order_headers",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("document_kind", Text, nullable=False, server_default="order", comment="messages.folders.DocumentKind"),
    Column("number", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False, comment="SHA-256 of the first submission's content"),
    Column("creator", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("customer_name", Text, nullable=False),
    Column("customer_order_number", Text),
    Column("sale_type", Text, nullable=False),
    Column("channel", Text, comment="of orders"),
    Column("currency", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("total_base_minor", BigInteger, nullable=False),
    Column("requested_date", Date, comment="of orders"),
    Column("delivery_date", Date, comment="回复交期, 预发货日期; null: none is set"),
    Column("created_at", TIME, nullable=False),
    CheckConstraint(
        "document_kind <> 'order' or (channel is not null and requested_date is not null)",
        name="orders_say_channel_and_date",
    ),
    UniqueConstraint("source", "external_id"),
    Index(
        "uq_order_headers_customer_order_number",
        "customer",
        "customer_order_number",
        unique=True,
        postgresql_where=text("customer_order_number is not null"),
    ),
    Index("ix_order_headers_customer_order_id", "customer", "order_id"),  # ids are made in time's order
    Index("ix_order_headers_created_at", "created_at"),
    comment="what people search orders by; written at intake, never by the hot loop",
)

contract_headers = Table(
    "contract_headers",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("dated", Date, nullable=False),
    Column("seller", Text, nullable=False),
    Column("seller_name", Text, nullable=False),
    Column("buyer", Text, nullable=False),
    Column("buyer_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("order_number", Text, comment="of the order that it is for"),
    Index("ix_contract_headers_dated", "dated"),
    Index("ix_contract_headers_buyer", "buyer"),
    Index("ix_contract_headers_seller", "seller"),
    Index("ix_contract_headers_total_minor", "total_minor"),
    Index("ix_contract_headers_order_number", "order_number"),
    comment="合同台账: what people search contracts by",
)

links = Table(
    "links",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("kind", Text, primary_key=True, comment="replaces, contract_of, note_of, …"),
    Column("other_id", ID, primary_key=True),
    Column("at", TIME, nullable=False),
    Index("ix_links_other_id", "other_id"),
    comment="folders that belong together: order_id is what `kind` says of other_id",
)

events = Table(
    "events",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("kind", Text, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("step", Text),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False, comment="of the order after this event"),
    Column("data", JSON, nullable=False),
    Column("hash", LargeBinary, nullable=False, comment="SHA-256 over the previous hash and this line"),
    comment="append-only history of every order",
)

batches = Table(
    "batches",
    metadata,
    Column("id", ID, primary_key=True),
    Column("department", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ids", ARRAY(ID), nullable=False, comment="orders, or facts"),
    Column("rounds", ARRAY(SmallInteger), nullable=False),
    Column("steps", ARRAY(Text), nullable=False),
    Column("tasks", ARRAY(ID), comment="the decided user task of each, where people decided"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", TIME, nullable=False),
    Column("due_at", TIME, comment="not before; null: its message has been published"),
    Column("error", Text, comment="why the last attempt failed"),
    comment="one row per message between departments, from the sender's commit until the receiver's",
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "2000"},
)

waits = Table(
    "waits",
    metadata,
    Column("order_id", ID, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="payment:<order id>, stock:<product>, …; or time"),
    Column("round", SmallInteger, nullable=False),
    Column("department", Text, nullable=False),
    Column("since", TIME, nullable=False),
    Column("due_at", TIME, comment="when to look again although nothing came"),
    Column("task_id", ID, comment="decided, and not followed yet"),
    Index("ix_waits_key", "key"),
    Index("ix_waits_due", "due_at", postgresql_where=text("due_at is not null")),
    comment="orders waiting for the world or for time",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("department", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="steps, facts, or message"),
    Column("subject_id", ID, comment="order or fact; null for a message that names none"),
    Column("round", SmallInteger),
    Column("step", Text),
    Column("task_id", ID),
    Column("reason", Text, nullable=False, comment="code"),
    Column("detail", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("raw", LargeBinary, comment="of a message that could not be read"),
    Column("resolution", Text, comment="replayed, discarded, superseded"),
    Column("resolved_at", TIME),
    Column("resolved_by", Text),
    Index("ix_dead_letters_unresolved", "department", "at", postgresql_where=text("resolution is null")),
    Index("ix_dead_letters_subject_id", "subject_id", postgresql_where=text("resolution is null")),
    comment="set aside with its reason, for a person to replay",
)

numbers = Table(
    "numbers",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
    comment="the last document number given out, per kind and day",
)

company = Table(
    "company",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    *(Column(name, Text, nullable=False) for name in ("name_zh", "name_en", "address_zh", "address_en")),
    *(Column(name, Text, nullable=False) for name in ("tax_number", "phone", "email", "website")),
    *(Column(name, Text, nullable=False) for name in ("bank_zh", "bank_en", "account")),
    CheckConstraint("one", name="one_row"),
    comment="our own name, address and bank, as documents show them",
)

rulebook = Table(
    "rulebook",
    metadata,
    Column("kind", Text, primary_key=True, comment="process or policy"),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False, comment="TOML"),
    Column("published_at", TIME, nullable=False),
    Column("published_by", Text, nullable=False),
    CheckConstraint("kind in ('process', 'policy')", name="kind"),
    CheckConstraint("version > 0", name="version"),
    comment="definitions and policies published while the system runs, on top of those that are shipped; never changed",
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("working", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    comment="days whose nature the company sets itself; they win over the public calendar",
)

edition = Table(
    "edition",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("one", name="one_row"),
    comment="goes up whenever rulebook or calendar_days change, so that running processes see at a glance",
)

workers = Table(
    "workers",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False, comment="department, or intake, relay, scheduler"),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", TIME, nullable=False),
    Column("beat_at", TIME, nullable=False),
    Column("handled", BigInteger, nullable=False, comment="orders and facts moved since the start"),
    Column("duplicates", BigInteger, nullable=False, comment="messages dropped because their batch was gone"),
    Column("stale", BigInteger, nullable=False, comment="orders no longer at the step that a batch named"),
    Column("memory_bytes", BigInteger, nullable=False),
    comment="heartbeats",
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("data", JSON, nullable=False),
    Index("ix_audit_log_subject", "subject"),
    comment="what people did or tried beside an order's own history: refused attempts, replays, master data",
)

commits = Table(
    "commits",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("orders", ARRAY(ID), nullable=False, comment="that have new events"),
    Column("seqs", ARRAY(Integer), nullable=False, comment="the last event of each"),
    Column("heads", ARRAY(LargeBinary), nullable=False, comment="and its hash"),
    Column("anchor", Integer, comment="the anchor that covers it; null: the next one will"),
    Index("ix_commits_unanchored", "id", postgresql_where=text("anchor is null")),
    comment="what each transaction added to the histories, so that nothing can be taken off their ends",
)

anchors = Table(
    "anchors",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False),
    Column("previous", LargeBinary, nullable=False, unique=True, comment="root of the anchor before"),
    Column("root", LargeBinary, nullable=False, comment="SHA-256 over previous, seq, at and the commits' contents"),
    Column("first", BigInteger, nullable=False, comment="lowest id of its commits"),
    Column("last", BigInteger, nullable=False, comment="highest"),
    Column("count", Integer, nullable=False),
    CheckConstraint("seq > 0 and count > 0 and first <= last", name="covers_something"),
    comment="roots over the commits, one on the other; announced, so that outsiders hold them",
)

APPEND_ONLY = ("events", "commits", "anchors", "order_documents", "audit_log")
"""Tables of this schema whose rows are never changed or removed; triggers refuse that to everybody (AUD-02). A commit
is told its anchor, once.
"""
