"""Delivery notes with an approval of their own, pure: when one is made, when goods may leave on it."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from messages.delivery_notes import DeliveryNote
from shared import policy
from shared.department import NewFolder, Passed, Referred, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.logistics.note_rules import ACTIVITY, LOOKED_AT_EVERY, NOTE_OF, Approved, Blank, Issued, Note, leave, note
from workers.logistics.rules import Papers, Readiness, ship

pytestmark = pytest.mark.requirement("LOG-03")
ORDER = an_order()
BLANK = Blank("n-1", "DN-20260615-000001", "SF")
KEY = (f"note:{ORDER.id}",)


def visit(**changes: Any) -> Visit:
    return msgspec.structs.replace(
        Visit(ORDER, 1, "note", {"definition": "d08_delivery_note"}, policy.load().get("standard@1"), NOW), **changes
    )


def made() -> DeliveryNote:
    outcome = note(visit(), None, BLANK)
    assert isinstance(outcome, Waiting)
    _, issued = outcome.effects
    assert isinstance(issued, Issued)
    return issued.note


@pytest.mark.requirement("LOG-02")
def test_a_note_is_made_from_the_order_with_customer_lines_quantities_and_carrier() -> None:
    outcome = note(visit(), None, BLANK)
    assert isinstance(outcome, Waiting)
    assert (outcome.keys, outcome.until) == (KEY, NOW + LOOKED_AT_EVERY)
    opened, issued = outcome.effects
    assert isinstance(opened, NewFolder)
    assert (opened.definition, opened.links, opened.actor) == ("d08_delivery_note", ((NOTE_OF, ORDER.id),), "sam")
    assert opened.document == issued.note
    document = issued.note
    assert (document.number, document.order, document.carrier) == (BLANK.number, ORDER.number, "SF")
    assert (document.customer, document.delivery, document.creator) == (ORDER.customer, ORDER.delivery, "sam")
    assert [(each.product, each.quantity) for each in document.lines] == [("P001", 3), ("P002", 2)]


@pytest.mark.parametrize("state", ["in_review", "returning", "returned", "cancelling"])
def test_while_it_is_under_way_the_order_waits_and_makes_no_second(state: str) -> None:
    outcome = note(visit(), Note("n-1", "DN-1", state), BLANK)
    assert outcome == Waiting(KEY, NOW + LOOKED_AT_EVERY, basis={"delivery_note": "DN-1"})


@pytest.mark.parametrize("state", ["approved", "archived"])
def test_once_it_is_approved_the_order_goes_on(state: str) -> None:
    assert note(visit(), Note("n-1", "DN-1", state), None) == Passed(basis={"delivery_note": "DN-1"})


@pytest.mark.parametrize("state", ["purged", "cancelled", "replaced"])
def test_one_that_went_out_of_work_is_made_again_only_when_a_person_agrees(state: str) -> None:
    gone = Note("n-0", "DN-0", state)
    asked = note(visit(), gone, BLANK)
    assert isinstance(asked, Referred)
    assert [(each.code, each.subject) for each in asked.findings] == [("ship.note_gone", "DN-0")]
    assert asked.effects == ()
    again = note(visit(agreed=True), gone, BLANK)
    assert isinstance(again, Waiting)
    assert again.basis == {"delivery_note": BLANK.number}


def test_an_approved_note_stays_at_work_until_its_goods_have_left() -> None:
    document = made()
    assert leave(document, None) == Waiting((f"shipped:{document.id}",), effects=(Approved(document),))
    assert leave(document, "TRK-1") == Passed(basis={"tracking_number": "TRK-1"})


@pytest.mark.requirement("LOG-07")
@pytest.mark.parametrize(
    ("present", "activities", "leaves"),
    [
        (None, frozenset({ACTIVITY}), False),
        (Note("n", "DN-1", "in_review"), frozenset({ACTIVITY}), False),
        (Note("n", "DN-1", "returned"), frozenset({ACTIVITY}), False),
        (Note("n", "DN-1", "approved"), frozenset({ACTIVITY}), True),
        (None, frozenset(), True),
    ],
)
def test_goods_leave_on_an_approved_note_only_where_the_process_has_notes(
    present: Note | None, activities: frozenset[str], leaves: bool
) -> None:
    ready = Papers(approved=True, planned=True, carrier="SF", goods=Readiness(True, True, True, True))
    outcome = ship(visit(step="ship", activities=activities), replace(ready, note=present))
    if leaves:
        assert isinstance(outcome, Passed)
        assert outcome.effects[0].note == present
    else:
        assert isinstance(outcome, Waiting)
        assert outcome.keys == KEY
        assert [each.code for each in outcome.findings] == ["ship.note_not_approved"]


def test_goods_do_not_leave_on_a_note_that_is_gone_until_a_person_wants_another() -> None:
    outcome = ship(visit(activities=frozenset({ACTIVITY})), Papers(approved=True, note=Note("n", "DN-1", "purged")))
    assert isinstance(outcome, Referred)
    assert [each.code for each in outcome.findings] == ["ship.note_gone"]
