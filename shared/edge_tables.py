"""What comes in and goes out: tables of the core schema."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON

from shared.tables import ID, TIME, metadata

drafts = Table(
    "drafts",
    metadata,
    Column("number", Text, primary_key=True, comment="that the order keeps"),
    Column("creator", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("sale_type", Text, nullable=False),
    Column("body", JSON, nullable=False, comment="messages.orders.OrderSubmitted, as far as it is filled in"),
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    Column("submitted_at", TIME, comment="since when it is an order"),
    Column("order_id", ID),
    CheckConstraint("(submitted_at is null) = (order_id is null)", name="submitted_is_an_order"),
    Index("ix_drafts_creator", "creator", postgresql_where=text("submitted_at is null")),
    comment="orders that their creators have not submitted yet",
)

quotation_uses = Table(
    "quotation_uses",
    metadata,
    Column("quotation", Text, primary_key=True),
    Column("order_id", ID, nullable=False),
    Column("at", TIME, nullable=False),
    UniqueConstraint("order_id"),
    comment="which order was made from an accepted quotation: one",
)

facts = Table(
    "facts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("source", Text, nullable=False),
    Column("fact_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("order_id", ID),
    Column("body", JSON, nullable=False, comment="messages.commands.Fact"),
    Column("received_at", TIME, nullable=False),
    Column("handled_at", TIME),
    Column("refused", JSON, comment="the finding, where the department could not accept it"),
    UniqueConstraint("source", "fact_id"),
    Index("ix_facts_order_id", "order_id"),
    comment="what the outside world reported, once each",
    postgresql_with={"fillfactor": "50"},  # each is updated once, soon: on the same page that touches no index
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("kind", Text, nullable=False, comment="order, conflict, fact, fact_conflict"),
    Column("origin", Text, nullable=False, comment="stream, or file and line"),
    Column("source", Text),
    Column("external_id", Text),
    Column("errors", JSON, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Index("ix_refusals_at", "at"),
    Index("ix_refusals_source_external_id", "source", "external_id"),
    comment="what was not accepted, with its bytes and every reason",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("events", Text, nullable=False, comment="CloudEvents in JSON, one on each line"),
    Column("count", Integer, nullable=False),
    comment="messages for the outside world, written with what they tell of; a row for each transaction",
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "500"},
)

letters = Table(
    "letters",
    metadata,
    Column("id", ID, primary_key=True),
    Column("order_id", ID, nullable=False),
    Column("number", Text, nullable=False, comment="of the order"),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False, comment="the round, for letters of which there is one for each; else empty"),
    Column("language", Text, nullable=False),
    Column("recipient", Text, nullable=False, comment="an e-mail address; empty: the order has none"),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False, comment="word for word"),
    Column("created_at", TIME, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", TIME, comment="when to send it, or to try again"),
    Column("sent_at", TIME),
    Column("error", Text, comment="why it has not been sent"),
    Column("revision", SmallInteger, comment="of the order's document that it was made from"),
    Column("via", Text, comment="mail server or folder that it was handed to"),
    UniqueConstraint("order_id", "kind", "key"),
    CheckConstraint("status in ('pending', 'sending', 'sent', 'failed', 'uncertain')", name="status"),
    CheckConstraint("(status = 'sent') = (sent_at is not null)", name="sent_at_a_time"),
    CheckConstraint("status not in ('pending', 'sending') or recipient <> ''", name="goes_to_somebody"),
    Index("ix_letters_due", "due_at", postgresql_where=text("status = 'pending'")),
    Index("ix_letters_not_sent", "status", postgresql_where=text("status <> 'sent'")),
    comment="what customers are written, once each; sent by the relay",
)

letter_papers = Table(
    "letter_papers",
    metadata,
    Column("letter_id", ID, ForeignKey(letters.c.id), primary_key=True),
    Column("name", Text, nullable=False, comment="of the attached file"),
    Column("content", LargeBinary, nullable=False, comment="PDF"),
    Column("sha256", LargeBinary, nullable=False),
    Column("made_at", TIME, nullable=False),
    CheckConstraint("sha256 = sha256(content)", name="hash"),
    comment="what is attached to letters, kept as it was sent",
)
