"""Contracts through the whole company: from their receipt to their obligations (D7)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.database import Database
from shared.notices import inbox
from shared.overdue import overdue
from tests.support.company import load_company, raw
from tests.support.contracts import BUYER, ELEMENTS, OBLIGATIONS, REGISTRAR, SELLER, SIGNED, TERMS, Review
from tests.support.contracts import a_submitted_contract as submitted
from tests.support.facts import fact
from tests.support.journey import Journey, hire
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW
from workers.compliance.ledger import Search, find, obligations, show

COUNTERSIGN = ["finance", "purchasing", "sales", "technical"]
D07 = ["register", *COUNTERSIGN, "legal", "leader", "sign", "archive"]
TODAY = NOW.date()
CHECKED = {"by": "legal_counsel.1", "reputation": "无失信记录", "strength": "注册资本 500 万元"}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    load_company(database, tmp_path)
    office = Office(database)
    hire(office)
    return office


def in_the_ledger(office: Office, **search: Any) -> list[str]:
    with office.database.transaction() as session:
        return [each["number"] for each in find(session, Search(**search), 100)]


# -- receipt -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CMP-02")
def test_a_contract_is_registered_at_once_and_the_departments_are_told(office: Office) -> None:
    body = fact("contract_received", by=REGISTRAR, document=submitted())
    (receipt,) = office.report(body)
    assert receipt.number == "CT-20260615-000001"
    assert in_the_ledger(office, number=receipt.number) == [receipt.number], "before any department has worked on it"
    (row,) = office.rows("select dated, seller_name, buyer_name, total_minor from core.contract_headers")
    assert row == (TODAY, SELLER["name"], BUYER["name"], 40_000)
    assert office.told()["orderflow.contract_registered"] == 1
    ((told,),) = office.rows(
        "select data::jsonb->'departments' from core.outbox_events where type = 'orderflow.contract_registered'"
    )
    assert told == ["compliance", "sales_review", "warehouse", "finance"]
    for person in ("sales_manager.1", "purchasing.2", "technical_reviewer.1", "finance_clerk.1"):
        with office.database.transaction() as session:
            (notice,) = inbox(session, person, NOW, unread=True, limit=10)
        assert (notice["order"], notice["kind"]) == (receipt.number, "received")
    (again,) = office.report(body)
    assert (again.verdict, again.number) == ("repeated", receipt.number)
    assert office.count("core.contract_headers") == 1
    office.work()
    office.assert_clean()


@pytest.mark.requirement("CMP-02")
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"text": ""}, {"document.text"}),
        ({"text": " \n"}, {"document.text"}),
        ({"text": None}, {"document.text"}),
        ({"buyer": None}, {"document.buyer"}),
        ({"seller": {"code": "WE", "name": " "}}, {"document.seller.name"}),
        ({"text": "", "buyer": {"code": "C001"}}, {"document.text", "document.buyer.name"}),
        ({"buyer": {"code": "C9", "name": "谁"}, "total": "1.00"}, {"document.buyer.code", "document.total"}),
        ({"seller": BUYER}, {"document.seller.code"}),
        ({"order": "SO-20200101-000001"}, {"document.order"}),
        ({"definition": "standard"}, {"document.definition"}),
        ({"definition": "no_such"}, {"document.definition"}),
        ({"lines": [], "total": "0.001"}, {"document.total"}),
    ],
)
def test_what_is_no_contract_is_refused_with_every_bad_field_and_nothing_is_stored(
    office: Office, changes: dict[str, Any], fields: set[str]
) -> None:
    (receipt,) = office.report(fact("contract_received", by=REGISTRAR, document=submitted(**changes)))
    bad = {field.removeprefix("contract_received.") for field in codes(receipt)}
    assert (receipt.verdict, bad) == ("refused", fields)
    assert office.count("core.facts") == office.count("core.contract_headers") == office.count("core.orders") == 0
    assert office.count("core.refusals") == 1


@pytest.mark.requirement("CMP-02")
def test_a_bad_contract_does_not_disturb_its_neighbours(office: Office) -> None:
    good, bad = (fact("contract_received", by=REGISTRAR, document=submitted(text=text)) for text in ("正文", ""))
    assert verdicts(office.report(bad, good, bad)) == ["refused", "accepted", "refused"]
    assert office.count("core.contract_headers") == 1


@pytest.mark.requirement("CMP-02", "AUD-01")
@pytest.mark.parametrize(("by", "code"), [("fiona", "person.role"), ("nobody", "person.unknown")])
def test_only_the_contract_department_registers_and_who_tried_is_on_record(office: Office, by: str, code: str) -> None:
    good, foreign = (fact("contract_received", by=each, document=submitted()) for each in (REGISTRAR, by))
    receipts = office.report(foreign, good)
    assert verdicts(receipts) == ["refused", "accepted"]
    assert codes(receipts[0]) == {"by": code}
    assert office.rows("select actor, action, data -> 'refused' ->> 'by' from core.audit_log") == [
        (by, "fact.contract_received", code)
    ]
    assert office.count("core.contract_headers") == office.count("core.facts") == 1


def test_an_order_cannot_take_the_way_of_contracts(office: Office) -> None:
    (receipt,) = office.take(raw(definition="d07_contract_review"))
    assert codes(receipt) == {"definition": "unknown_definition"}


@pytest.mark.requirement("CMP-03")
def test_one_that_lacks_elements_goes_back_with_a_list_and_no_department_sees_it(office: Office) -> None:
    review = Review.begin(office, elements=ELEMENTS | {"quality": "", "liability": " "}, obligations=OBLIGATIONS[:1])
    assert (review.state(), review.tasks(), review.steps()) == ("returned", {}, [])
    ((found,),) = office.rows("select data::jsonb->'findings' from core.events where kind = 'returned'")
    assert [f"{each['code']} {each['subject']}" for each in found] == [
        "contract.element_missing quality",
        "contract.element_missing liability",
        "contract.obligation_missing payment",
    ]
    review.tell("contract_revised", by=REGISTRAR, document=submitted())
    assert [*review.tasks()] == COUNTERSIGN
    office.assert_clean()


@pytest.mark.requirement("CMP-01")
def test_a_restricted_party_needs_a_person_before_the_departments_see_it(office: Office) -> None:
    with office.database.transaction() as session:
        session.write(
            "insert into compliance.rules (code, kind, value, name_zh, name_en, source, active)"
            " values ('R-9', 'party', '上海明月国际貿易', '制裁', 'Sanctioned', 'UN-1718', true)"
        )
    near = BUYER | {"name": "上海明珠国际贸易有限公司"}
    review = Review.begin(office, buyer=near)
    assert [*review.tasks()] == ["register"]
    (found,) = review.findings("register")
    assert (found["code"], found["subject"]) == ("restricted.party_near", "R-9")
    assert found["values"] | {"entry": "上海明月国际貿易", "list": "UN-1718", "percent": 87} == found["values"]
    assert review.decide("register") is None
    assert [*review.tasks()] == COUNTERSIGN


# -- the way of D7 -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-02", "CMP-04", "CMP-06", "CMP-08", "CMP-10")
def test_a_contract_visits_exactly_the_steps_of_d7_in_their_order(office: Office) -> None:
    review = Review.begin(office)
    assert [*review.tasks()] == COUNTERSIGN, "all four together"
    for step in ("technical", "sales", "finance"):
        review.decide(step)
        assert "legal" not in review.tasks(), "nobody else before all have answered"
    review.decide("purchasing")
    assert [*review.tasks()] == ["legal"]
    assert [(each["code"], each["subject"]) for each in review.findings("legal")] == [
        ("opinion.agreed", step) for step in ("technical", "sales", "finance", "purchasing")
    ]
    review.decide("legal")
    assert [*review.tasks()] == ["leader"]
    assert [each["subject"] for each in review.findings("leader")][-1] == "legal", "the leader sees that of legal too"
    assert review.state() == "in_review"
    review.decide("leader")
    assert (review.state(), review.tasks()) == ("approved", {})
    review.tell("counterparty_checked", **CHECKED)
    assert review.state() == "approved"
    review.tell("contract_signed", **SIGNED)
    assert review.steps() == ["register", "technical", "sales", "finance", "purchasing", *D07[5:]]
    assert review.state() == "archived"
    assert sorted(review.steps()[1:5]) == COUNTERSIGN
    actors: dict[str, str] = dict(office.rows("select step, actor from core.events where kind = 'agreed'"))
    assert actors == {
        "sales": "sales_supervisor.1",
        "purchasing": "purchasing.1",
        "technical": "technical_reviewer.1",
        "finance": "finance_clerk.1",
        "legal": "legal_counsel.1",
        "leader": "senior_management.1",
    }
    office.assert_clean()


@pytest.mark.requirement("PRC-02", "CMP-04", "CMP-05", "CMP-07", "APR-08", "APR-09")
def test_suggestion_revision_refusal_return_and_resubmission(office: Office) -> None:
    review = Review.begin(office)
    review.decide("sales")
    assert review.decide("finance", "disagree") is None
    assert (review.state(), [*review.tasks()]) == ("in_review", ["purchasing", "technical"]), "nothing is returned"

    review.tell("contract_revised", by=REGISTRAR, document=submitted(text="第二版"))
    assert [*review.tasks()] == COUNTERSIGN, "everybody is asked again, also who had agreed"
    assert office.count("core.user_tasks", "status = 'closed'") == 2
    for step in COUNTERSIGN[1:]:
        review.decide(step)
    review.decide("finance", "disagree")
    shown = review.findings("legal")
    assert [(each["code"], each["subject"]) for each in shown] == [
        *(("opinion.agreed", step) for step in COUNTERSIGN[1:]),
        ("opinion.change", "finance"),
    ], "of the version under review, none of the older"
    assert shown[-1]["values"] == {
        "by": "finance_clerk.1", "said": "交期过短", "clause": "第五条", "change": "改为 45 日"
    }  # fmt: skip
    assert review.decide("legal", "disagree") is None
    assert (review.state(), review.tasks()) == ("returned", {})

    review.tell("contract_revised", by=REGISTRAR, document=submitted(text="第三版"))
    assert review.state() == "in_review"
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    review.tell("contract_signed", **SIGNED)
    assert review.steps(3)[0] == "register"
    assert sorted(review.steps(3)[1:5]) == COUNTERSIGN
    assert review.steps(3)[5:] == ["legal", "leader", "sign", "archive"]
    with office.database.transaction() as session:
        whole = show(session, review.number)
    assert whole is not None
    assert [each["document"]["text"] for each in whole["versions"]] == [submitted()["text"], "第二版", "第三版"]
    assert whole["state"] == "archived"
    office.assert_clean()


@pytest.mark.requirement("CMP-05")
def test_an_opinion_says_what_it_means_or_is_refused(office: Office) -> None:
    review = Review.begin(office)
    for choice, words, missing in (
        ("agree", {"reason": ""}, "reason"),
        ("disagree", {"reason": "不行"}, "clause requested_change"),
        ("disagree", {"reason": "不行", "requested_change": "改", "clause": "  "}, "clause"),
    ):
        answer = review.decide("finance", choice, **words)
        assert answer is not None
        assert (answer.code, answer.values) == ("task.opinion", {"missing": missing})
    assert "finance" in review.tasks()
    assert office.count("core.audit_log", "action in ('task.agree', 'task.disagree')") == 3


@pytest.mark.requirement("CMP-06")
@pytest.mark.parametrize(
    ("step", "person"), [("sales", "legal_counsel.1"), ("legal", "senior_management.1"), ("leader", "legal_counsel.1")]
)
def test_nobody_decides_in_anothers_place(office: Office, step: str, person: str) -> None:
    review = Review.begin(office)
    while step not in review.tasks():
        for each in review.tasks():
            review.decide(each)
    answer = review.decide(step, person=person)
    assert answer is not None
    assert answer.code == "task.role"


@pytest.mark.requirement("CMP-04")
def test_departments_past_the_deadline_are_listed(office: Office) -> None:
    review = Review.begin(office)
    review.decide("sales")
    with office.database.transaction() as session:
        early, late = (
            [(each["order"], each["step"]) for each in overdue(session, office.rules.policies, at, 10)["reviews"]]
            for at in (NOW + timedelta(hours=8), NOW + timedelta(days=3))
        )
    assert early == []
    assert sorted(late) == [(review.number, step) for step in ("finance", "purchasing", "technical")]


@pytest.mark.requirement("CMP-07")
@pytest.mark.parametrize(
    ("by", "changes", "field", "code"),
    [
        ("sam", {}, "by", "not_creator"),
        (REGISTRAR, {"definition": "no_such"}, "document.definition", "unknown_definition"),
        (REGISTRAR, {"buyer": {"code": "C9", "name": "谁"}}, "document.buyer.code", "unknown_customer"),
    ],
)
def test_a_new_version_that_is_refused_changes_nothing(
    office: Office, by: str, changes: dict[str, Any], field: str, code: str
) -> None:
    review = Review.begin(office)
    receipt = review.tell("contract_revised", by=by, document=submitted(**changes))
    assert codes(receipt) == {field: code}
    assert office.count("core.order_documents") == 1
    assert [*review.tasks()] == COUNTERSIGN
    assert office.count("core.audit_log", "action = 'fact.contract_revised'") == 1


@pytest.mark.requirement("CMP-07", "AUD-02")
def test_an_approved_contract_may_be_revised_and_an_archived_one_not(office: Office) -> None:
    review = Review.begin(office)
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    review.tell("contract_revised", by=REGISTRAR, document=submitted(text="又一版"))
    assert (review.state(), [*review.tasks()]) == ("in_review", COUNTERSIGN)
    review.tell("contract_signed", **SIGNED)
    assert review.refused() == [f"contract.not_approved {review.number}"]
    review.approve()
    review.tell("contract_signed", **SIGNED)
    assert review.state() == "archived"
    receipt = review.tell("contract_revised", by=REGISTRAR, document=submitted())
    assert codes(receipt) == {"contract": "not_revisable"}
    office.assert_clean()


# -- signing -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CMP-08")
def test_signing_is_refused_before_the_leader_and_before_the_other_side_is_known(office: Office) -> None:
    review = Review.begin(office)
    review.tell("contract_signed", **SIGNED)
    assert review.refused() == [
        f"contract.not_approved {review.number}",
        f"contract.counterparty_unchecked {review.number}",
    ]
    review.approve()
    review.tell("contract_signed", **SIGNED)
    assert review.refused() == [f"contract.counterparty_unchecked {review.number}"]
    assert (review.state(), office.count("compliance.signatures")) == ("approved", 0)
    review.tell("counterparty_checked", **CHECKED)
    for absent in ("signing_head", "seal", "our_signature", "their_signature"):
        receipt = review.tell("contract_signed", **(SIGNED | {absent: " "}))
        assert [*codes(receipt)] == [f"contract_signed.{absent}"]
    review.tell("contract_signed", **SIGNED)
    assert review.state() == "archived"
    assert office.rows("select signing_head, seal, signed_on from compliance.signatures") == [
        ("李总", "合同专用章", TODAY)
    ]
    review.tell("contract_signed", **SIGNED)
    assert review.refused() == [f"contract.signed_already {review.number}"]
    office.assert_clean()


@pytest.mark.requirement("CMP-09")
def test_the_contract_of_an_approved_order_must_equal_it_when_it_is_signed(office: Office) -> None:
    journey = Journey.begin(office, "d02_order_review")
    short = [{"product": "P001", "quantity": 4, "unit_price": "100.00"}]
    review = Review.begin(office, order=journey.number, lines=short, terms=TERMS | {"warranty": ""})
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    review.tell("contract_signed", **SIGNED)
    assert review.refused() == [
        "contract.term_missing warranty",
        f"contract.order_not_approved {review.number}",
        "contract.differs goods",
        "contract.differs quantity of P001",
    ]
    journey.go_on()
    review.tell("contract_revised", by=REGISTRAR, document=submitted(order=journey.number))
    review.approve()
    review.tell("contract_signed", **SIGNED)
    assert review.state() == "archived"
    links = "core.links l join core.order_headers h on h.order_id = l.other_id"
    assert office.count(links, f"l.kind = 'contract_of' and h.number = '{journey.number}'") == 1
    assert in_the_ledger(office, order=journey.number) == [review.number]


@pytest.mark.requirement("CMP-08")
@pytest.mark.parametrize("kind", ["counterparty_checked", "contract_signed", "contract_revised", "obligation_met"])
def test_a_fact_about_what_is_no_contract_is_refused(office: Office, kind: str) -> None:
    contents: dict[str, dict[str, Any]] = {
        "counterparty_checked": CHECKED,
        "contract_signed": SIGNED,
        "contract_revised": {"by": REGISTRAR, "document": submitted()},
        "obligation_met": {"by": REGISTRAR, "obligation": 1, "met_on": TODAY.isoformat()},
    }
    content = contents[kind]
    (unknown,) = office.report(fact(kind, contract="CT-20200101-000001", **content))
    assert codes(unknown) == {"contract": "unknown_contract"}
    order = Journey.begin(office, "d02_order_review").number
    (taken,) = office.report(fact(kind, contract=order, **content))
    office.work()
    refused = office.count("core.facts", "refused is not null")
    assert (taken.verdict, refused) in (("refused", 0), ("accepted", 1))
    assert office.count("core.dead_letters") == 0


# -- the ledger and performance ----------------------------------------------------------------------------------------


@pytest.mark.requirement("CMP-10")
def test_the_ledger_finds_by_number_party_date_amount_and_state(office: Office) -> None:
    first = Review.begin(office)
    other = {"code": "C002", "name": "广州南海电器有限公司"}
    later = (TODAY + timedelta(days=1)).isoformat()
    second = Review.begin(office, buyer=other, lines=[], total="1000.00", dated=later, elements={})
    for search, found in (
        ({}, [second, first]),
        ({"number": first.number}, [first]),
        ({"number": "CT-1"}, []),
        ({"party": "C002"}, [second]),
        ({"party": "南海"}, [second]),
        ({"party": "WE"}, [second, first]),
        ({"party": "东方"}, [second, first]),
        ({"party": "北方"}, []),
        ({"since": TODAY, "until": TODAY}, [first]),
        ({"since": TODAY + timedelta(days=1)}, [second]),
        ({"until": TODAY - timedelta(days=1)}, []),
        ({"least_minor": 40_000, "most_minor": 99_999, "currency": "CNY"}, [first]),
        ({"least_minor": 100_000, "currency": "CNY"}, [second]),
        ({"least_minor": 100_001, "currency": "CNY"}, []),
        ({"currency": "USD"}, []),
        ({"state": "returned"}, [second]),
        ({"state": "in_review", "party": "明珠"}, [first]),
    ):
        assert in_the_ledger(office, **search) == [each.number for each in found], search


@pytest.mark.requirement("CMP-10")
def test_the_signed_contract_is_archived_with_its_attachments(office: Office) -> None:
    paper = {"name": "合同.pdf", "location": "/archive/合同.pdf", "sha256": "a" * 64}
    review = Review.begin(office, attachments=[paper])
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    review.tell("contract_signed", **SIGNED, attachments=[paper | {"name": "盖章页.pdf"}])
    with office.database.transaction() as session:
        whole = show(session, review.number)
    assert whole is not None
    assert whole["document"]["attachments"] == [paper]
    (signature,) = whole["signatures"]
    assert signature["attachments"] == [paper | {"name": "盖章页.pdf"}]
    assert (whole["signed_on"], whole["unmet"]) == (TODAY, 2)
    assert in_the_ledger(office, state="archived") == [review.number]


@pytest.mark.requirement("CMP-11")
def test_obligations_are_listed_when_due_and_overdue_until_they_are_met(office: Office) -> None:
    review = Review.begin(office)
    met = {"by": REGISTRAR, "met_on": TODAY.isoformat()}
    review.tell("obligation_met", obligation=1, **met)
    assert review.refused() == [f"contract.obligation_unknown {review.number}"], "nothing is owed before signing"
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    review.tell("contract_signed", **SIGNED)

    def due(days: int, ahead: int = 0, everything: bool = False) -> list[tuple[int, bool]]:
        with office.database.transaction() as session:
            found = obligations(
                session, today=TODAY + timedelta(days), ahead_days=ahead, everything=everything, limit=10
            )
        return [(each["number"], each["overdue"]) for each in found]

    assert due(29) == []
    assert due(29, ahead=1) == due(30) == [(1, False)]
    assert due(31) == [(1, True)]
    assert due(60) == [(1, True), (2, False)]
    review.tell("obligation_met", obligation=3, **met)
    assert review.refused() == [f"contract.obligation_unknown {review.number}"]
    review.tell("obligation_met", obligation=1, **met, remarks="已签收")
    review.tell("obligation_met", obligation=1, **met, remarks="已签收")
    assert due(61) == [(2, True)]
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    review.tell("obligation_met", obligation=1, by=REGISTRAR, met_on=yesterday)
    assert review.refused() == [f"contract.obligation_met_already {review.number}"]
    review.tell("obligation_met", obligation=2, **met)
    assert due(1_000) == []
    assert due(0, everything=True) == [(1, False), (2, False)]
    office.assert_clean()
