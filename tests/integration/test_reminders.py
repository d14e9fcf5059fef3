"""Reminders to customers: each for its cause once, where a definition names them, and for nothing that is done."""

from datetime import timedelta

import pytest

from shared.letters import PAYMENT_REMINDER, RECEIPT_REMINDER
from shared.reminders import AFTER_DELIVERY, BEFORE_DUE, remind_of_payments, remind_of_receipts
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.waiting import at_once

DEFINITION = "d04_sales_department"


@pytest.fixture
def firm(office: Office) -> Office:
    hire(office)
    return office


def invoiced(firm: Office, definition: str = DEFINITION) -> Journey:
    journey = Journey.begin(firm, definition)
    journey.go_on(lambda: firm.count("finance.invoices") and not journey.task())
    return journey


def reminded(firm: Office, kind: str = PAYMENT_REMINDER) -> list[tuple[str, str]]:
    remind = remind_of_payments if kind == PAYMENT_REMINDER else remind_of_receipts
    with firm.database.transaction() as session:
        remind(session, firm.definitions, firm.now, 10)
    return firm.rows("select number, key from core.letters where kind = %s order by id", kind)


@pytest.mark.requirement("TRK-03", "TRK-07")
def test_a_payment_is_reminded_of_before_it_is_due_and_once_it_is_overdue(firm: Office) -> None:
    journey = invoiced(firm)
    ((due,),) = firm.rows("select due_date from finance.receivables")
    begins = firm.now.replace(year=due.year, month=due.month, day=due.day, hour=2)
    firm.now = begins - BEFORE_DUE - timedelta(days=1)
    assert reminded(firm) == []
    firm.now = begins - BEFORE_DUE
    assert reminded(firm) == reminded(firm) == [(journey.number, "due")]
    firm.now = begins
    assert reminded(firm) == [(journey.number, "due")]
    firm.now = begins + timedelta(days=1)
    assert reminded(firm) == reminded(firm) == [(journey.number, "due"), (journey.number, "overdue")]
    ((body,),) = firm.rows("select body from core.letters where key = 'overdue'")
    for said in ("¥400.00", due.isoformat(), journey.number):
        assert said in body


@pytest.mark.requirement("TRK-03")
def test_what_is_paid_is_not_reminded_of(firm: Office) -> None:
    journey = invoiced(firm)
    journey.go_on()
    firm.now += timedelta(days=400)
    assert reminded(firm) == []


@pytest.mark.requirement("TRK-03")
def test_a_part_that_is_paid_is_no_longer_asked_for(firm: Office) -> None:
    journey = invoiced(firm)
    journey.tell("payment_received", reference="TT-1", amount="150.00", currency="CNY", method="wire")
    firm.now += timedelta(days=400)
    assert reminded(firm) == [(journey.number, "overdue")]
    assert "¥250.00" in firm.rows("select body from core.letters where kind = 'payment_reminder'")[0][0]


@pytest.mark.requirement("TRK-03")
def test_definitions_that_name_no_reminder_cause_none(firm: Office) -> None:
    Journey.begin(firm, "standard").go_on(lambda: firm.count("finance.invoices"))
    firm.now += timedelta(days=400)
    assert reminded(firm) == []
    assert reminded(firm, RECEIPT_REMINDER) == []


@pytest.mark.requirement("TRK-03", "TRK-07")
def test_receipt_is_asked_for_once_some_days_after_delivery(firm: Office) -> None:
    journey = Journey.begin(firm, DEFINITION)
    journey.go_on(lambda: firm.count("logistics.shipments", "delivered_at is not null"))
    delivered = firm.now
    firm.now = delivered + AFTER_DELIVERY - timedelta(seconds=1)
    assert reminded(firm, RECEIPT_REMINDER) == []
    firm.now = delivered + AFTER_DELIVERY
    assert reminded(firm, RECEIPT_REMINDER) == reminded(firm, RECEIPT_REMINDER) == [(journey.number, "")]
    ((body,),) = firm.rows("select body from core.letters where kind = 'receipt_reminder'")
    assert journey.tracking_number() in body


@pytest.mark.requirement("TRK-03")
def test_who_has_confirmed_is_not_asked(firm: Office) -> None:
    journey = Journey.begin(firm, DEFINITION)
    journey.go_on(lambda: journey.state() in ("received", "settled", "archived", "ended"))
    firm.now += AFTER_DELIVERY * 3
    assert reminded(firm, RECEIPT_REMINDER) == []


@pytest.mark.requirement("TRK-07")
def test_two_schedulers_at_once_write_each_reminder_once(firm: Office) -> None:
    invoiced(firm)
    firm.now += timedelta(days=400)
    at_once(*[lambda: reminded(firm)] * 4)
    assert len(reminded(firm)) == 1
