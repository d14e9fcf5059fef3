"""Opening folders that do not come in as orders: a contract that was registered, a delivery note made from an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from messages.folders import Document, write_document
from shared.database import Session, array, columns, json_list
from shared.history import Kind
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import Standing
from shared.states import State


@dataclass(frozen=True, slots=True)
class Opening:
    """A document that is to go the way of `definition`. `data` goes into its first event; `links`: (kind, other id)."""

    document: Document
    definition: Definition
    policy: Policy
    actor: str
    data: dict[str, Any]
    links: tuple[tuple[str, str], ...] = ()


def open_folders(session: Session, journal: Journal, opening: Sequence[Opening]) -> None:
    """Queue headers, documents and links, and begin the first round; `journal.write` does the rest.

    A number or (source, external id) that exists already fails the transaction: callers make both themselves.
    """
    if not opening:
        return
    texts: list[str] = []
    for one in opening:
        document = one.document
        standing = Standing(
            document.id, 0, State.DRAFT, 1, 1, [], [], None, b"", one.definition, one.policy, document
        )  # fmt: skip
        texts.append(write_document(document))
        journal.begin_round(standing, Kind.RECEIVED, one.actor, dict(one.data) | {"document": fingerprint(texts[-1])})
    headers = [_header(one, text) for one, text in zip(opening, texts, strict=True)]
    session.write(_HEADERS, journal.now, *columns(headers, 13))
    session.write(_DOCUMENTS, array([one.document.id for one in opening]), json_list(texts))
    link(session, [(one.document.id, *each) for one in opening for each in one.links], journal.now)


def fingerprint(text: str) -> str:
    """Of a stored document, for the event that tells of it: so a changed document contradicts the history."""
    return sha256(text.encode()).hexdigest()


def link(session: Session, links: Sequence[tuple[str, str, str]], now: datetime) -> None:
    """Queue links: (id, what it is of the other, the other's id)."""
    if links:
        session.write(_LINKS, now, *columns(links, 3))


def _header(one: Opening, text: str) -> tuple[object, ...]:
    document = one.document
    return (
        document.id,
        one.definition.document,
        document.number,
        document.source,
        document.external_id,
        sha256(text.encode()).digest(),
        document.creator,
        document.customer.code,
        document.customer.name,
        document.sale_type,
        document.currency,
        document.total_minor,
        document.total_base_minor,
    )


_HEADERS = """
insert into core.order_headers (created_at, order_id, document_kind, number, source, external_id, content_hash,
    creator, customer, customer_name, sale_type, currency, total_minor, total_base_minor)
select %s, v.* from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]) as v
"""
_DOCUMENTS = """
insert into core.order_documents (order_id, revision, document)
select v.id, 1, v.document
from rows from (unnest(%s::uuid[]), json_array_elements(%s::json)) as v(id, document)
"""
_LINKS = """
insert into core.links (at, order_id, kind, other_id)
select %s, v.* from unnest(%s::uuid[], %s::text[], %s::uuid[]) as v
"""
