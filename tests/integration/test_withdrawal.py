"""Withdrawal (撤回): the creator takes a document back, unless somebody has decided about it."""

from typing import Any

import pytest

from shared import policy
from shared.tasks import Refusal, Wish
from shared.tasks import decide as decide_tasks
from shared.withdrawals import withdraw
from tests.support.company import raw
from tests.support.facts import fact
from tests.support.office import Office, codes, verdicts
from tests.support.orders import submitted
from tests.support.waiting import at_once
from workers.intake.accept import Receipt

POLICIES = policy.load()
NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}


def in_review(office: Office, **changes: Any) -> str:
    """The number of an order that finance has been asked about: its customer has little credit."""
    (receipt,) = office.take(raw("A", **{"creator": "sam", "customer": NANHAI, **changes}))
    office.work()
    assert office.count("core.user_tasks", "status = 'open'") == 1
    assert receipt.number
    return receipt.number


def withdrawal(order: str, by: str = "sam", **more: Any) -> bytes:
    return fact("withdrawal_requested", order=order, by=by, **more)


@pytest.mark.requirement("APR-08", "AUD-01")
def test_the_creator_takes_back_what_nobody_has_decided(office: Office) -> None:
    number = in_review(office)
    assert verdicts(office.report(withdrawal(number, reason="数量有误"))) == ["accepted"]
    assert office.states() == {"A": "returning"}
    assert office.count("core.user_tasks", "status = 'open'") == 0
    office.work()
    assert office.states() == {"A": "returned"}
    assert office.count("finance.credit_holds", "open_minor > 0") == 0
    assert office.history(number)[-3:] == ["withdrawn", "undone", "undone"]
    assert office.rows("select actor, data->>'reason' from core.events where kind = 'withdrawn'") == [
        ("sam", "数量有误")
    ]
    office.assert_clean()


@pytest.mark.requirement("AUD-01")
def test_what_was_obtained_is_given_back(office: Office) -> None:
    """Finance passes and holds credit, then senior management is asked: the withdrawal gives the credit back."""
    office.take(raw("A", creator="sam", special_requirements="木箱"))
    office.work()
    assert office.count("finance.credit_holds", "open_minor > 0") == 1
    ((number,),) = office.rows("select number from core.order_headers")
    office.report(withdrawal(number))
    office.work()
    assert office.count("finance.credit_holds", "open_minor > 0") == 0
    assert office.states() == {"A": "returned"}
    office.assert_clean()


@pytest.mark.requirement("AUD-01")
def test_after_a_decision_it_is_refused_with_the_name_of_who_decided(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator="sam", definition="d02_order_review"))
    office.work()
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('li', '李', '{sales_manager}')")
    office.decide("agree", "li")
    (answer,) = office.report(withdrawal(receipt.number or ""))
    assert codes(answer) == {"order": "withdrawal.decided"}
    assert "li has decided" in answer.errors[0].reason
    office.work()
    assert office.states() == {"A": "in_review"}
    assert office.rows("select actor, action, subject from core.audit_log") == [
        ("sam", "fact.withdrawal_requested", receipt.number)
    ]
    office.assert_clean()


@pytest.mark.requirement("APR-01", "AUD-01")
def test_others_may_not_and_other_states_cannot(office: Office) -> None:
    number = in_review(office)
    (other,) = office.report(withdrawal(number, by="fiona"))
    assert codes(other) == {"by": "withdrawal.creator"}
    office.report(withdrawal(number))
    office.work()
    (again,) = office.report(withdrawal(number))
    assert codes(again) == {"order": "withdrawal.state"}
    office.take(raw("B", creator="sam", definition="express"))
    office.work()
    ((archived,),) = office.rows("select number from core.order_headers where external_id = 'B'")
    (late,) = office.report(withdrawal(archived))
    assert codes(late) == {"order": "withdrawal.state"}
    assert office.count("core.audit_log") == 3
    office.assert_clean()


@pytest.mark.requirement("APR-09")
def test_a_withdrawn_document_is_resubmitted_and_may_be_withdrawn_again(office: Office) -> None:
    number = in_review(office)
    office.report(withdrawal(number))
    office.work()
    document = submitted("A", creator="sam", customer=NANHAI)
    again = fact("order_resubmitted", order=number, by="sam", document=document)
    assert verdicts(office.report(again)) == ["accepted"]
    office.work()
    assert office.states() == {"A": "in_review"}
    assert verdicts(office.report(withdrawal(number))) == ["accepted"]
    office.work()
    assert office.states() == {"A": "returned"}
    office.assert_clean()


@pytest.mark.requirement("APR-04")
def test_withdrawing_and_deciding_at_once_yields_one_of_them(office: Office) -> None:
    for place in range(6):
        office.take(raw(f"R{place}", creator="sam", customer=NANHAI))
    office.work()
    numbers = [row[0] for row in office.rows("select number from core.order_headers order by number")]
    answers: list[Receipt] = []
    decided: list[Refusal | None] = []

    def decide() -> None:
        tasks = [row[0] for row in office.rows("select id from core.user_tasks order by id")]
        for task in tasks:
            with office.database.transaction() as session:
                (answer,), batches = decide_tasks(session, [Wish(task, "fiona", "agree")], office.now)
            office.queue += batches
            decided.append(answer)

    def take_back() -> None:
        for number in numbers[::-1]:
            answers.extend(office.report(withdrawal(number)))

    at_once(decide, take_back)
    office.work()
    taken_back = verdicts(answers).count("accepted")
    assert taken_back + decided.count(None) == 6
    assert list(office.states().values()).count("returned") == taken_back
    office.assert_clean()


def test_the_command_answers_in_one_sentence(office: Office) -> None:
    number = in_review(office)
    rules = office.definitions, POLICIES
    with office.database.transaction() as session:
        refusal, batches = withdraw(session, number, "fiona", "", *rules, office.now)
    assert refusal
    assert (refusal.code, batches) == ("withdrawal.creator", [])
    with office.database.transaction() as session:
        unknown, _ = withdraw(session, "SO-1", "sam", "", *rules, office.now)
    assert unknown == Refusal("order.unknown", {"order": "SO-1"})
    with office.database.transaction() as session:
        refusal, batches = withdraw(session, number, "sam", "", *rules, office.now)
    assert refusal is None
    office.queue += batches
    office.work()
    assert office.states() == {"A": "returned"}
    assert office.rows("select actor, action from core.audit_log") == [("fiona", "order.withdraw")]
    office.assert_clean()
