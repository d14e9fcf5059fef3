"""What people of the core decide, ask, are asked and are told: tables of the core schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from shared.tables import ID, TIME, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    comment="people and what they may decide",
)

user_tasks = Table(
    "user_tasks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("order_id", ID, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False, comment="any holder of any of them may decide"),
    Column("excluded", ARRAY(Text), comment="who may not decide: they decided the step that this one looks at again"),
    Column("assignee", Text, comment="the only one who may decide, after a transfer"),
    Column("creator", Text, nullable=False),
    Column("order_version", Integer, nullable=False, comment="what the person sees"),
    Column("findings", JSON, nullable=False),
    Column("opened_at", TIME, nullable=False),
    Column("submitted_at", TIME, nullable=False, comment="when the round began"),
    Column("due_at", TIME, nullable=False),
    Column("overdue_at", TIME, comment="when it was found to be overdue"),
    Column("urged_at", TIME, comment="when somebody last asked for a decision (催办)"),
    Column("status", Text, nullable=False, server_default="open"),
    Column("decision", Text),
    Column("decided_by", Text),
    Column("decided_for", Text, comment="who was away, where a delegate decided"),
    Column("decided_at", TIME),
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
    Column("id", ID, primary_key=True),
    Column("delegator", Text, nullable=False, comment="who is away"),
    Column("delegate", Text, nullable=False, comment="who decides for them"),
    Column("starts_at", TIME, nullable=False),
    Column("ends_at", TIME, nullable=False, comment="no longer from then on"),
    Column("roles", ARRAY(Text), comment="null: all that the delegator holds"),
    Column("cap_minor", BigInteger, comment="the largest order, in base currency; null: any"),
    Column("currency", Text, comment="of the cap"),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("revoked_at", TIME),
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
    Column("id", ID, primary_key=True),
    Column("order_id", ID, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("task_id", ID, nullable=False, unique=True, comment="that was open when it was asked"),
    Column("asked_by", Text, nullable=False),
    Column("asked_for", Text, comment="who was away, where a delegate asked"),
    Column("question", Text, nullable=False),
    Column("asked_at", TIME, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("answer", Text),
    Column("answered_by", Text, comment="who reported the answer"),
    Column("answered_at", TIME),
    Column("fact_id", ID),
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

handling_comments = Table(
    "handling_comments",
    metadata,
    Column("id", ID, primary_key=True),
    Column("order_id", ID, nullable=False),
    Column("requested_date", Date, nullable=False, comment="the date that it is late for"),
    Column("asked_at", TIME, nullable=False),
    Column("roles", ARRAY(Text), nullable=False, comment="who is asked, beside the creator"),
    Column("comment", Text),
    Column("given_by", Text),
    Column("given_at", TIME),
    Column("closed_at", TIME, comment="when the order was found to be finished"),
    CheckConstraint(r"comment ~ '\S'", name="says_something"),
    CheckConstraint(
        "(comment is null) = (given_by is null) and (comment is null) = (given_at is null)", name="given_by_somebody"
    ),
    UniqueConstraint("order_id", "requested_date"),
    Index("ix_handling_comments_open", "asked_at", postgresql_where=text("closed_at is null")),
    comment="what people say about orders unfinished long after their date (处理意见)",
)

notices = Table(
    "notices",
    metadata,
    Column("id", ID, primary_key=True),
    Column("event_key", Text, nullable=False, comment="<order id>/<seq of its event>, or <task id>/overdue"),
    Column("recipient", Text, nullable=False, comment="a person, role:<role> or department:<department>"),
    Column("order_id", ID, nullable=False),
    Column("kind", Text, nullable=False, comment="its words are in shared/locale"),
    Column("data", JSON, nullable=False),
    Column("at", TIME, nullable=False),
    UniqueConstraint("event_key", "recipient"),
    Index("ix_notices_recipient", "recipient", "at"),
    comment="what people are told, once for each event and recipient",
)

notice_reads = Table(
    "notice_reads",
    metadata,
    Column("notice_id", ID, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("at", TIME, nullable=False),
    comment="who has read which notice",
)
