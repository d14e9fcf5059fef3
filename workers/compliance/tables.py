"""The schema of this department: the rules that orders are checked against (CMP-01), and what is kept of contracts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
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

SCHEMA = "compliance"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

rules = Table(
    "rules",
    metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False, comment="the code, a part of the region's name, the party's name"),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="", comment="the list that it was taken from"),
    Column("active", Boolean, nullable=False),
    CheckConstraint("kind in ('product', 'category', 'country', 'region', 'party')", name="kind"),
    CheckConstraint("btrim(value) <> ''", name="value"),
    comment="what law or company policy restricts",
)

counterparty_checks = Table(
    "counterparty_checks",
    metadata,
    Column("fact_id", _id, primary_key=True),
    Column("contract_id", _id, nullable=False),
    Column("checked_by", Text, nullable=False),
    Column("reputation", Text, nullable=False),
    Column("strength", Text, nullable=False),
    Column("checked_at", _time, nullable=False),
    Index("ix_counterparty_checks_contract_id", "contract_id"),
    CheckConstraint("btrim(reputation) <> '' and btrim(strength) <> ''", name="says_both"),
    comment="对方信誉、实力: looked into before signing (CMP-08)",
)

signatures = Table(
    "signatures",
    metadata,
    Column("contract_id", _id, primary_key=True),
    Column("round", SmallInteger, primary_key=True, comment="of the version that was signed"),
    Column("signing_head", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("signed_on", Date, nullable=False),
    Column("our_signature", Text, nullable=False),
    Column("their_signature", Text, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("recorded_at", _time, nullable=False),
    Column("attachments", JSON, nullable=False, comment="of messages.contracts.SubmittedAttachment"),
    CheckConstraint("btrim(our_signature) <> '' and btrim(their_signature) <> ''", name="both_sides"),
    comment="签字盖章 (CMP-08)",
)

obligations = Table(
    "obligations",
    metadata,
    Column("contract_id", _id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("due", Date, nullable=False),
    Column("amount_minor", BigInteger, comment="in the contract's currency"),
    Column("met_on", Date),
    Column("met_by", Text),
    Column("remarks", Text),
    Index("ix_obligations_due", "due", postgresql_where=text("met_on is null")),
    CheckConstraint("kind in ('delivery', 'payment')", name="kind"),
    CheckConstraint("(met_on is null) = (met_by is null)", name="met_by_somebody"),
    comment="what signed contracts oblige to, until it is met (CMP-11)",
)
