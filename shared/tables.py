"""The core schema. Hot tables are narrow and carry primary keys only; what people search by stands in order_headers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
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

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

orders = Table(
    "orders",
    metadata,
    Column("id", _id, primary_key=True),
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
    Column("updated_at", _time, nullable=False),
    Column("submitted_at", _time, nullable=False, comment="when this round began"),
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
    Column("order_id", _id, primary_key=True),
    Column("revision", SmallInteger, primary_key=True),
    Column("document", JSON, nullable=False, comment="messages.folders.Document"),
    Index("ix_order_documents_products", text(PRODUCTS), postgresql_using="gin"),
    comment="what was ordered; one immutable row per revision",
)

order_headers = Table(
    "order_headers",
    metadata,
    Column("order_id", _id, primary_key=True),
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
    Column("created_at", _time, nullable=False),
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
    Column("order_id", _id, primary_key=True),
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
    Column("order_id", _id, primary_key=True),
    Column("kind", Text, primary_key=True, comment="replaces, contract_of, note_of, …"),
    Column("other_id", _id, primary_key=True),
    Column("at", _time, nullable=False),
    Index("ix_links_other_id", "other_id"),
    comment="folders that belong together: order_id is what `kind` says of other_id",
)

events = Table(
    "events",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", _time, nullable=False),
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
    Column("id", _id, primary_key=True),
    Column("department", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ids", ARRAY(_id), nullable=False, comment="orders, or facts"),
    Column("rounds", ARRAY(SmallInteger), nullable=False),
    Column("steps", ARRAY(Text), nullable=False),
    Column("tasks", ARRAY(_id), comment="the decided user task of each, where people decided"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", _time, nullable=False),
    Column("due_at", _time, comment="not before; null: its message has been published"),
    Column("error", Text, comment="why the last attempt failed"),
    comment="one row per message between departments, from the sender's commit until the receiver's",
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "2000"},
)

user_tasks = Table(
    "user_tasks",
    metadata,
    Column("id", _id, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False, comment="any holder of any of them may decide"),
    Column("excluded", ARRAY(Text), comment="who may not decide: they decided the step that this one looks at again"),
    Column("assignee", Text, comment="the only one who may decide, after a transfer"),
    Column("creator", Text, nullable=False),
    Column("order_version", Integer, nullable=False, comment="what the person sees"),
    Column("findings", JSON, nullable=False),
    Column("opened_at", _time, nullable=False),
    Column("submitted_at", _time, nullable=False, comment="when the round began"),
    Column("due_at", _time, nullable=False),
    Column("overdue_at", _time, comment="when it was found to be overdue"),
    Column("urged_at", _time, comment="when somebody last asked for a decision (催办)"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("decision", Text),
    Column("decided_by", Text),
    Column("decided_for", Text, comment="who was away, where a delegate decided"),
    Column("decided_at", _time),
    Column("reason", Text),
    Column("requested_change", Text),
    Column("customer_must_change", Boolean, nullable=False, server_default=text("false"), comment="and is told so"),
    Column(
        "opinion", Boolean, nullable=False, server_default=text("false"), comment="the answer is an opinion in writing"
    ),
    Column("clause", Text, comment="of the contract, that the opinion is about"),
    CheckConstraint(
        "not opinion or decision is null or"
        " (coalesce(reason, '') <> '' and (decision = 'agree' or coalesce(clause, '') <> ''))",
        name="opinion_is_specific",
    ),
    CheckConstraint("status in ('open', 'decided', 'closed')", name="status"),
    CheckConstraint("decision in ('agree', 'disagree')", name="decision"),
    CheckConstraint("decided_by is null or decided_by <> creator", name="creator_never_decides"),
    CheckConstraint("assignee is null or assignee <> creator", name="creator_is_never_assigned"),
    CheckConstraint(
        "decided_for is null or (decided_by is not null and decided_for not in (creator, decided_by)"
        " and (excluded is null or decided_for <> all(excluded)))",
        name="decided_for_another",
    ),
    CheckConstraint("not (decided_by = any(excluded) or assignee = any(excluded))", name="excluded_never_decides"),
    CheckConstraint("(status = 'decided') = (decision is not null)", name="decided_has_decision"),
    CheckConstraint(
        "decision is distinct from 'disagree' or (reason <> '' and requested_change <> '')", name="disagree_says_why"
    ),
    Index(
        "uq_user_tasks_open",
        "order_id",
        "round",
        "step",
        unique=True,
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_user_tasks_order_id", "order_id"),
    Index("ix_user_tasks_due", "due_at", postgresql_where=text("status = 'open'")),
    Index("ix_user_tasks_submitted_at", "submitted_at", postgresql_where=text("status = 'open'")),
    comment="questions to people",
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", _id, primary_key=True),
    Column("delegator", Text, nullable=False, comment="who is away"),
    Column("delegate", Text, nullable=False, comment="who decides for them"),
    Column("starts_at", _time, nullable=False),
    Column("ends_at", _time, nullable=False, comment="no longer from then on"),
    Column("roles", ARRAY(Text), comment="null: all that the delegator holds"),
    Column("cap_minor", BigInteger, comment="the largest order, in base currency; null: any"),
    Column("currency", Text, comment="of the cap"),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("revoked_at", _time),
    Column("revoked_by", Text),
    CheckConstraint("delegator <> delegate", name="two_people"),
    CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    CheckConstraint(r"reason ~ '\S'", name="says_why"),
    CheckConstraint("(cap_minor is null) = (currency is null) and cap_minor > 0", name="cap_is_money"),
    CheckConstraint("(revoked_at is null) = (revoked_by is null)", name="revoked_by_somebody"),
    Index("ix_delegations_delegate", "delegate"),
    Index("ix_delegations_delegator", "delegator"),
    comment="who decides for whom, and when (代理)",
)

questions = Table(
    "questions",
    metadata,
    Column("id", _id, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("task_id", _id, nullable=False, unique=True, comment="that was open when it was asked"),
    Column("asked_by", Text, nullable=False),
    Column("asked_for", Text, comment="who was away, where a delegate asked"),
    Column("question", Text, nullable=False),
    Column("asked_at", _time, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("answer", Text),
    Column("answered_by", Text, comment="who reported the answer"),
    Column("answered_at", _time),
    Column("fact_id", _id),
    CheckConstraint("status in ('open', 'answered', 'set aside')", name="status"),
    CheckConstraint(r"question ~ '\S'", name="asks_something"),
    CheckConstraint(
        r"(status = 'answered') = (coalesce(answer, '') ~ '\S')"
        " and (status = 'answered') = (num_nonnulls(answered_by, answered_at, fact_id) = 3)",
        name="answered_by_somebody",
    ),
    Index("ix_questions_order_id", "order_id"),
    Index("uq_questions_open", "order_id", unique=True, postgresql_where=text("status = 'open'")),
    comment="what customers were asked instead of deciding a task",
)

notices = Table(
    "notices",
    metadata,
    Column("id", _id, primary_key=True),
    Column("event_key", Text, nullable=False, comment="<order id>/<seq of its event>, or <task id>/overdue"),
    Column("recipient", Text, nullable=False, comment="a person, role:<role> or department:<department>"),
    Column("order_id", _id, nullable=False),
    Column("kind", Text, nullable=False, comment="its words are in shared/locale"),
    Column("data", JSON, nullable=False),
    Column("at", _time, nullable=False),
    UniqueConstraint("event_key", "recipient"),
    Index("ix_notices_recipient", "recipient", "at"),
    comment="what people are told, once for each event and recipient",
)

notice_reads = Table(
    "notice_reads",
    metadata,
    Column("notice_id", _id, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("at", _time, nullable=False),
    comment="who has read which notice",
)

handling_comments = Table(
    "handling_comments",
    metadata,
    Column("id", _id, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("requested_date", Date, nullable=False, comment="the date that it is late for"),
    Column("asked_at", _time, nullable=False),
    Column("roles", ARRAY(Text), nullable=False, comment="who is asked, beside the creator"),
    Column("comment", Text),
    Column("given_by", Text),
    Column("given_at", _time),
    Column("closed_at", _time, comment="when the order was found to be finished"),
    CheckConstraint(r"comment ~ '\S'", name="says_something"),
    CheckConstraint(
        "(comment is null) = (given_by is null) and (comment is null) = (given_at is null)", name="given_by_somebody"
    ),
    UniqueConstraint("order_id", "requested_date"),
    Index("ix_handling_comments_open", "asked_at", postgresql_where=text("closed_at is null")),
    comment="what people say about orders unfinished long after their date (处理意见)",
)

waits = Table(
    "waits",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="payment:<order id>, stock:<product>, …; or time"),
    Column("round", SmallInteger, nullable=False),
    Column("department", Text, nullable=False),
    Column("since", _time, nullable=False),
    Column("due_at", _time, comment="when to look again although nothing came"),
    Column("task_id", _id, comment="decided, and not followed yet"),
    Index("ix_waits_key", "key"),
    Index("ix_waits_due", "due_at", postgresql_where=text("due_at is not null")),
    comment="orders waiting for the world or for time",
)

facts = Table(
    "facts",
    metadata,
    Column("id", _id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("fact_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("order_id", _id),
    Column("body", JSON, nullable=False, comment="messages.commands.Fact"),
    Column("received_at", _time, nullable=False),
    Column("handled_at", _time),
    Column("refused", JSON, comment="the finding, where the department could not accept it"),
    UniqueConstraint("source", "fact_id"),
    Index("ix_facts_order_id", "order_id"),
    comment="what the outside world reported, once each",
    postgresql_with={"fillfactor": "50"},  # each is updated once, soon: on the same page that touches no index
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

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", _id, primary_key=True),
    Column("at", _time, nullable=False),
    Column("department", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="steps, facts, or message"),
    Column("subject_id", _id, comment="order or fact; null for a message that names none"),
    Column("round", SmallInteger),
    Column("step", Text),
    Column("task_id", _id),
    Column("reason", Text, nullable=False, comment="code"),
    Column("detail", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("raw", LargeBinary, comment="of a message that could not be read"),
    Column("resolution", Text, comment="replayed, discarded, superseded"),
    Column("resolved_at", _time),
    Column("resolved_by", Text),
    Index("ix_dead_letters_unresolved", "department", "at", postgresql_where=text("resolution is null")),
    Index("ix_dead_letters_subject_id", "subject_id", postgresql_where=text("resolution is null")),
    comment="set aside with its reason, for a person to replay",
)

quotation_uses = Table(
    "quotation_uses",
    metadata,
    Column("quotation", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("at", _time, nullable=False),
    UniqueConstraint("order_id"),
    comment="which order was made from an accepted quotation: one",
)

drafts = Table(
    "drafts",
    metadata,
    Column("number", Text, primary_key=True, comment="that the order keeps"),
    Column("creator", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("sale_type", Text, nullable=False),
    Column("body", JSON, nullable=False, comment="messages.orders.OrderSubmitted, as far as it is filled in"),
    Column("created_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    Column("submitted_at", _time, comment="since when it is an order"),
    Column("order_id", _id),
    CheckConstraint("(submitted_at is null) = (order_id is null)", name="submitted_is_an_order"),
    Index("ix_drafts_creator", "creator", postgresql_where=text("submitted_at is null")),
    comment="orders that their creators have not submitted yet",
)

letters = Table(
    "letters",
    metadata,
    Column("id", _id, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("number", Text, nullable=False, comment="of the order"),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False, comment="the round, for letters of which there is one for each; else empty"),
    Column("language", Text, nullable=False),
    Column("recipient", Text, nullable=False, comment="an e-mail address; empty: the order has none"),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False, comment="word for word"),
    Column("created_at", _time, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", _time, comment="when to send it, or to try again"),
    Column("sent_at", _time),
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
    Column("letter_id", _id, ForeignKey(letters.c.id), primary_key=True),
    Column("name", Text, nullable=False, comment="of the attached file"),
    Column("content", LargeBinary, nullable=False, comment="PDF"),
    Column("sha256", LargeBinary, nullable=False),
    Column("made_at", _time, nullable=False),
    CheckConstraint("sha256 = sha256(content)", name="hash"),
    comment="what is attached to letters, kept as it was sent",
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", _id, primary_key=True),
    Column("at", _time, nullable=False),
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

numbers = Table(
    "numbers",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
    comment="the last document number given out, per kind and day",
)

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    comment="people and what they may decide",
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
    Column("published_at", _time, nullable=False),
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
    Column("id", _id, primary_key=True),
    Column("name", Text, nullable=False, comment="department, or intake, relay, scheduler"),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", _time, nullable=False),
    Column("beat_at", _time, nullable=False),
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
    Column("at", _time, nullable=False),
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
    Column("at", _time, nullable=False),
    Column("orders", ARRAY(_id), nullable=False, comment="that have new events"),
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
    Column("at", _time, nullable=False),
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
