"""Delivery notes that come back from their creators (LOG-03)."""

from collections.abc import Sequence

import msgspec

from messages.delivery_notes import DeliveryNote
from messages.facts.logistics import DeliveryNoteResubmitted
from messages.folders import write_document
from messages.orders import Place
from shared.database import Session, array
from shared.history import Kind
from shared.journal import Journal
from shared.standings import Standing
from shared.states import State
from workers.intake.parse import Refused, field_error


def carriers(session: Session, facts: Sequence[DeliveryNoteResubmitted]) -> frozenset[str]:
    """Those carriers that the notes name and that carry for us."""
    named = sorted({fact.carrier for fact in facts if fact.carrier})
    return frozenset(row[0] for row in session.rows(_CARRIERS, array(named))) if named else frozenset()


def resubmit(
    session: Session, journal: Journal, fact: DeliveryNoteResubmitted, folder: Standing, known: frozenset[str]
) -> None:
    """A returned note comes back changed: a new revision, and a new round from the first step (APR-09).

    Raises `Refused` where it is none, where it is not returned, where another person than its creator resubmits it, or
    where it names a carrier that we do not have.
    """
    note = folder.document
    if not isinstance(note, DeliveryNote):
        raise Refused([field_error("order", "no_delivery_note", f"{fact.order} is no delivery note")])
    errors = []
    if folder.state is not State.RETURNED:
        errors.append(field_error("order", "not_returned", f"{fact.order} is {folder.state}, not returned"))
    if fact.by != note.creator:
        errors.append(field_error("by", "not_creator", f"only {note.creator}, who made it, may resubmit {fact.order}"))
    if fact.carrier is not None and fact.carrier not in known:
        errors.append(field_error("carrier", "unknown_carrier", f"there is no carrier {fact.carrier}"))
    if errors:
        raise Refused(errors)
    place = Place(address=fact.delivery.address, country=fact.delivery.country, region=fact.delivery.region)
    revised = msgspec.structs.replace(note, delivery=place, carrier=fact.carrier, remarks=fact.remarks)
    folder.document = revised
    folder.revision += 1
    folder.round += 1
    session.write(_REVISE, folder.id, folder.revision, write_document(revised))
    journal.begin_round(folder, Kind.RESUBMITTED, fact.by, {"revision": folder.revision})


_CARRIERS = """
select c.code from unnest(%s::text[]) as k(code) join logistics.carriers c on c.code = k.code where c.active
"""
_REVISE = "insert into core.order_documents (order_id, revision, document) values (%s, %s, %s::json)"
