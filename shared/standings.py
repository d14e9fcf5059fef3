"""Where orders stand, and reading it under lock: what every mover of orders begins with."""

from collections.abc import Collection

from msgspec import Struct

from messages.folders import Document, read_document, size_of
from messages.orders import Order
from shared.catalogue import Catalogue
from shared.conditions import Value
from shared.database import Row, Session, array
from shared.policy import Policy
from shared.processes import Definition, pinned
from shared.states import State


class Standing(Struct):
    """One order as it stands, locked by this transaction. `closing` is what it becomes once all is undone; `held_by`
    who put it on hold.
    """

    id: str
    version: int
    state: State
    round: int
    revision: int
    open: list[str]
    done: list[str]
    closing: str | None
    head: bytes
    definition: Definition
    policy: Policy
    document: Document
    held_by: str | None = None

    @property
    def order(self) -> Order:
        """The order that this is. Raises TypeError for a contract or a delivery note."""
        if isinstance(self.document, Order):
            return self.document
        raise TypeError(f"{self.document.number} is no order")

    def values(self) -> dict[str, Value]:
        """The document's facts as conditions of a definition see them; what it cannot have is empty."""
        document = self.document
        common: dict[str, Value] = {
            "total": document.total_base_minor,
            "currency": document.currency,
            "sale_type": document.sale_type.value,
            "line_count": size_of(document),
            **self.policy.condition_values(),
        }
        if not isinstance(document, Order):
            return _EMPTY | common
        order = document
        return common | {
            "channel": order.channel.value,
            "payment_terms": order.payment.terms,
            "payment_method": order.payment.method.value,
            "special_requirements": bool(order.special_requirements.strip()),
            "customer_class": order.customer_class,
            "new_customer": order.new_customer,
        }


_EMPTY: dict[str, Value] = {
    "channel": "",
    "payment_terms": "",
    "payment_method": "",
    "special_requirements": False,
    "customer_class": "",
    "new_customer": False,
}


# Arrays come as text, because to read them costs more than everything else of the row but the document.
COLUMNS = """o.version, o.state, o.round, o.revision, array_to_string(o.open, ' '), array_to_string(o.done, ' '),
    o.closing, o.definition, o.policy, o.head, d.document, o.held_by"""


def standing(row: Row, definitions: Catalogue[Definition], policies: Catalogue[Policy]) -> Standing:
    """From a row of (order id, COLUMNS). Raises DefinitionError where the pinned definition or policy is unknown."""
    order_id, version, state, round_, revision, opened, done, closing, definition, policy, head, document, held = row
    process = pinned(definitions, definition)
    return Standing(
        id=order_id,
        version=version,
        state=State(state),
        round=round_,
        revision=revision,
        open=opened.split(),
        done=done.split(),
        closing=closing,
        head=head,
        definition=process,
        policy=policies.get(policy),
        document=read_document(process.document, document),
        held_by=held,
    )


def lock_standings(
    session: Session, ids: Collection[str], definitions: Catalogue[Definition], policies: Catalogue[Policy]
) -> dict[str, Standing]:
    """Lock these orders in id order and read them. Unknown ids are absent from the result."""
    if not ids:
        return {}
    wanted = array(sorted(ids))
    # Two statements: one that waited for a lock sees the changed order, but not the revision that came with it.
    session.write(_LOCK, wanted)
    return read_standings(session, ids, definitions, policies)


def read_standings(
    session: Session, ids: Collection[str], definitions: Catalogue[Definition], policies: Catalogue[Policy]
) -> dict[str, Standing]:
    """Read orders that this transaction has locked already, in id order."""
    if not ids:
        return {}
    return {row[0]: standing(row, definitions, policies) for row in session.rows(_READ, array(sorted(ids)))}


_LOCK = "select 1 from core.orders where id = any(%s::uuid[]) order by id for update"
_READ = f"""
select o.id, {COLUMNS}
from core.orders o join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where o.id = any(%s::uuid[]) order by o.id
"""  # noqa: S608 - a constant
