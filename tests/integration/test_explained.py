"""The whole history of an order: who decided what, on which facts, seeing what, and what was refused."""

from typing import Any

import pytest

from shared.evidence import Seen, examine
from shared.history import Kind
from shared.queries import whole_order
from shared.tasks import Wish, decide
from shared.words import LANGUAGES, word
from tests.support.company import raw
from tests.support.facts import fact
from tests.support.histories import tamper
from tests.support.office import Office, codes, verdicts
from tests.support.orders import submitted

NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}


def whole(office: Office, number: str) -> dict[str, Any]:
    with office.database.transaction() as session:
        found = whole_order(session, number)
    assert found
    return found


def only(found: dict[str, Any], kind: str) -> dict[str, Any]:
    (event,) = [event for event in found["events"] if event["kind"] == kind]
    return dict(event)


@pytest.fixture
def number(office: Office) -> str:
    """An order whose customer has too little credit: finance is asked. Without lines it was refused first."""
    document = {"creator": "sam", "customer": NANHAI}
    assert verdicts(office.take(raw("A", lines=[], **document))) == ["refused"]
    (receipt,) = office.take(raw("A", **document))
    office.work()
    assert receipt.number
    return receipt.number


def attempt(office: Office, person: str, choice: str, **more: Any) -> None:
    """Decide the one open task; the answer may be a refusal."""
    with office.database.transaction() as session:
        ((task,),) = session.rows("select id from core.user_tasks where status = 'open'")
        _, batches = decide(session, [Wish(task, person, choice, **more)], office.now)
    office.queue += batches


@pytest.mark.requirement("AUD-01")
def test_a_decision_says_who_when_where_on_which_facts_by_what_and_what_they_saw(office: Office, number: str) -> None:
    attempt(office, "fiona", "agree", reason="老客户")
    office.work()
    found = whole(office, number)
    asked, agreed = only(found, "referred"), only(found, "agreed")
    assert (agreed["actor"], agreed["name"], agreed["on_behalf_of"]) == ("fiona", "费欧娜", None)
    assert (agreed["at"], agreed["round"], agreed["step"]) == (office.now, 1, asked["step"])
    assert (agreed["definition"], agreed["policy"]) == (found["definition"], found["policy"])
    assert agreed["data"]["basis"]["limit_minor"] == 6000
    assert agreed["data"]["reason"] == "老客户"
    assert (asked["department"], only(found, "received")["department"]) == ("finance", None)
    assert agreed["saw"]["version"] == asked["seq"]
    assert [finding["code"] for finding in agreed["saw"]["findings"]] == ["credit.over_limit"]
    assert agreed["saw"]["findings"][0]["values"]["limit_minor"] == 6000
    assert {event["actor"] for event in found["events"]} == {"sam", "system", "fiona"}
    assert all((event["saw"] is not None) == (event["kind"] == "agreed") for event in found["events"])


@pytest.mark.requirement("AUD-01")
def test_refused_attempts_of_every_kind_are_told_in_the_order_of_time(office: Office, number: str) -> None:
    attempt(office, "sam", "agree")
    attempt(office, "wei", "agree")
    attempt(office, "fiona", "disagree")
    assert verdicts(office.take(raw("A", creator="sam", customer=NANHAI, channel="phone"))) == ["conflict"]
    document = submitted("A", creator="sam", customer=NANHAI)
    office.report(fact("order_resubmitted", order=number, by="sam", document=document))
    office.report(fact("withdrawal_requested", order=number, by="wei", reason="错"))
    told = whole(office, number)["attempts"]
    assert sorted((each["actor"], each["action"], str(each["data"].get("refused"))) for each in told) == sorted(
        [
            ("shop", "submission.order", "None"),
            ("sam", "task.agree", "task.creator"),
            ("wei", "task.agree", "task.role"),
            ("fiona", "task.disagree", "task.says_why"),
            ("shop", "submission.conflict", "None"),
            ("sam", "fact.order_resubmitted", "{'order': 'not_returned'}"),
            ("wei", "fact.withdrawal_requested", "{'by': 'withdrawal.creator'}"),
        ]
    )
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    assert next(each["name"] for each in told if each["actor"] == "wei") == "伟"
    assert all(each["data"].get("refused") or each["data"]["errors"] for each in told)


@pytest.mark.requirement("AUD-01")
def test_what_a_department_refused_of_a_fact_is_told_too(office: Office, number: str) -> None:
    attempt(office, "fiona", "agree")
    office.work()
    body = {"reference": "R", "amount": "1.00", "currency": "USD", "method": "wire"}
    assert verdicts(office.report(fact("payment_received", order=number, **body))) == ["accepted"]
    office.work()
    told = whole(office, number)["attempts"]
    (refused,) = [each for each in told if each["action"] == "fact.payment_received"]
    assert [finding["code"] for finding in refused["data"]["findings"]] == ["payment.wrong_currency"]


@pytest.mark.requirement("AUD-01", "AUD-02")
def test_a_changed_document_is_told_field_by_field_and_both_revisions_stay(office: Office, number: str) -> None:
    attempt(office, "fiona", "disagree", reason="超额", requested_change="减少数量")
    office.work()
    lines = [{"product": "P001", "quantity": 1, "unit_price": "100.00"}]
    document = submitted("A", creator="sam", customer=NANHAI, lines=lines, total="100.00")
    assert verdicts(office.report(fact("order_resubmitted", order=number, by="sam", document=document))) == ["accepted"]
    found = whole(office, number)
    changes = {each["field"]: (each["old"], each["new"]) for each in only(found, "resubmitted")["changes"]}
    assert changes["lines.1.quantity"][1] == 1
    assert changes["total_minor"][1] == 10_000
    assert "customer.name" not in changes
    assert office.count("core.order_documents") == 2
    assert only(found, "disagreed")["data"]["requested_change"] == "减少数量"
    assert found["events"][-1]["round"] == 2
    office.assert_clean()


@pytest.mark.requirement("AUD-02")
@pytest.mark.parametrize("revision", [1, 2])
def test_a_document_that_is_not_the_one_of_its_history_is_found(office: Office, number: str, revision: int) -> None:
    attempt(office, "fiona", "disagree", reason="超额", requested_change="减少数量")
    office.work()
    document = submitted("A", creator="sam", customer=NANHAI, special_requirements="木箱")
    assert verdicts(office.report(fact("order_resubmitted", order=number, by="sam", document=document))) == ["accepted"]
    assert documents_found(office) == []
    where = f"where revision = {revision}"
    tamper(office.database, f"update core.order_documents set document = (document::text || ' ')::json {where}")
    what = f"revision {revision} of the document is not the one that its history tells of"
    assert documents_found(office) == [(number, what)]
    tamper(office.database, f"delete from core.order_documents {where}")
    assert documents_found(office) == [(number, f"revision {revision} of the document is gone")]


def documents_found(office: Office) -> list[tuple[str, str]]:
    with office.database.transaction() as session:
        breaches = [*examine(session, Seen(), lambda _done, _total: None)]
    return [(each.subject, each.detail) for each in breaches if each.invariant == "history.has_documents"]


@pytest.mark.requirement("AUD-02")
def test_an_archived_order_is_not_edited_and_the_attempt_is_recorded(office: Office) -> None:
    """It stays what it was, can be read whole, and says who tried."""
    (receipt,) = office.take(raw("B", creator="sam", definition="d11_approval"))
    assert receipt.number
    office.work()
    with office.database.transaction() as session:
        session.write("update core.orders set state = 'archived', open = '{}'")
        session.write("update core.user_tasks set status = 'closed'")
        session.write("delete from core.batches")
        session.write("delete from core.waits")
    office.queue.clear()
    document = submitted("B", creator="sam", special_requirements="木箱")
    before = whole(office, receipt.number)
    for kind in ("order_resubmitted", "order_amended"):
        (answer,) = office.report(fact(kind, order=receipt.number, by="sam", document=document))
        assert answer.verdict == "refused"
        assert codes(answer)["order"] in ("not_returned", "amendment.state")
    after = whole(office, receipt.number)
    assert after["document"] == before["document"]
    assert after["version"] == before["version"]
    assert [each["action"] for each in after["attempts"]] == ["fact.order_resubmitted", "fact.order_amended"]


@pytest.mark.requirement("AUD-01")
@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_can_happen_has_its_word(language: Any) -> None:
    words = {kind: word("events", kind, language) for kind in Kind}
    assert not [kind for kind, text in words.items() if text == kind and language == "zh"]
    assert len({*words.values()}) == len(words)
    assert not any("_" in text for text in words.values())
