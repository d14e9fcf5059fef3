"""Letters to customers: written once with what causes them, sent by a real conversation with a mail server."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import psycopg
import pytest

from messages.events import LetterWritten
from shared.letters import Letter, known_letters, language_of, render, write_letters
from shared.mail import Folder, Mail, Mailbox
from shared.post import find_letters, resend
from shared.words import FOLDER, LANGUAGES, word
from tests.integration.test_sales_steps import ASK, CHECK, answer, reported, standing, taken
from tests.support.company import raw
from tests.support.definitions import step
from tests.support.office import Office
from tests.support.orders import NOW, an_order, submitted
from tests.support.running import started
from tests.support.smtp import Post, post_office
from tests.support.sources import places
from tests.support.waiting import at_once, until
from workers.intake.accept import Verdict
from workers.relay.letters import leave_uncertain, retry_delay, send_next

STAFF = "insert into core.staff (id, name, roles) values (%s, %s, %s)"
DETAILS = step("pay", activity="finance.send_payment_details", roles=["finance_clerk"])


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as opened:
        yield opened


@pytest.fixture
def sales(office: Office) -> Office:
    with office.database.transaction() as session:
        session.write(STAFF, "lin", "lin", ["sales_supervisor"])
    return office


def box(post: Post) -> Mailbox:
    return Mailbox(post.url, "orders@example.com", 5)


def send(office: Office, post: Post, attempts: int = 3) -> bool:
    return send_next(office.database, box(post), attempts, lambda: office.now)


def states(office: Office) -> list[tuple[str, str]]:
    return [(kind, status) for kind, status in office.rows("select kind, status from core.letters order by id")]


def acknowledged(office: Office, **changes: Any) -> str:
    office.follows(CHECK, letters=["acknowledgement"])
    return taken(office, **changes)


# -- what is written ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-04")
def test_receipt_is_acknowledged_with_thanks_at_once_and_once(sales: Office, post: Post) -> None:
    number = acknowledged(sales, customer_order_number="PO-7")
    (receipt,) = sales.take(raw(definition="sample", customer_order_number="PO-7"))
    assert receipt.verdict is Verdict.REPEATED
    answer(sales, "lin", "disagree", reason="x", requested_change="y")
    document = submitted(definition="sample", customer_order_number="PO-7")
    assert reported(sales, "order_resubmitted", number, by="shop", document=document) == []
    assert states(sales) == [("acknowledgement", "pending")]
    assert send(sales, post)
    assert not send(sales, post)
    (letter,) = post.letters
    assert (letter["To"], letter["From"]) == ("wang@example.com", "orders@example.com")
    assert letter["Subject"] == f"已收到贵方订单 {number}"
    (body,) = post.bodies()
    for said in ("感谢", number, "PO-7", "1. 激光打印机 (P001)  3 × ¥100.00 = ¥300.00", "合计:¥400.00", "2026-07-15"):
        assert said in body
    assert sales.rows("select body from core.letters") == [(body,)]


@pytest.mark.requirement("INT-04")
def test_definitions_without_letters_write_none(sales: Office) -> None:
    sales.take(raw())
    sales.work()
    assert sales.count("core.letters") == 0


@pytest.mark.requirement("INT-04", "TRK-05")
def test_subscribers_are_told_word_for_word_also_where_no_mail_server_is_set(sales: Office) -> None:
    number = acknowledged(sales)
    ((type_, data),) = sales.rows("select type, data from core.outbox_events where type like 'orderflow.letter%%'")
    told = LetterWritten.model_validate_json(data)
    ((body, letter),) = sales.rows("select body, id from core.letters")
    assert type_ == "orderflow.letter.acknowledgement"
    assert (told.order, told.customer, told.recipient) == (number, "C001", "wang@example.com")
    assert (told.body, told.letter) == (body, letter)


@pytest.mark.requirement("TRK-03", "TRK-04")
def test_a_definition_names_the_letters_of_its_states(sales: Office) -> None:
    sales.follows(CHECK | {"reaches": "approved"}, CHECK | {"id": "later"}, letters=["acknowledgement", "confirmation"])
    taken(sales)
    answer(sales, "lin")
    assert [kind for kind, _ in states(sales)] == ["acknowledgement", "confirmation"]


@pytest.mark.requirement("INT-05")
def test_the_customer_is_written_to_once_in_every_round(sales: Office) -> None:
    sales.follows(ASK)
    number = taken(sales, special_requirements="木箱包装")
    ((body,),) = sales.rows("select body from core.letters")
    for said in ("木箱包装", "电汇", "送达后 30 天内", "上海市浦东新区世纪大道1号"):
        assert said in body
    reported(sales, "customer_answered", number, answer="change", by="王芳", remarks="数量改为 5")
    document = submitted(definition="sample")
    reported(sales, "order_resubmitted", number, "F-2", by="shop", document=document)
    assert sales.rows("select kind, key from core.letters order by id") == [
        ("request_to_confirm", "1"),
        ("request_to_confirm", "2"),
    ]


@pytest.mark.requirement("INT-06")
def test_payment_methods_and_accounts_are_sent(sales: Office, post: Post) -> None:
    accounts = (
        ("wire", "CNY", "工行 6222 0000", "ICBC 6222 0000"),
        ("online", "CNY", "https://pay.example.com", "https://pay.example.com"),
        ("wire", "USD", "中行美元户", "BOC USD"),
    )
    with sales.database.transaction() as session:
        for account in accounts:
            session.write("insert into finance.payment_accounts values (%s, %s, %s, %s)", *account)
    sales.follows(DETAILS)
    number = taken(sales)
    assert standing(sales) == [("archived", [])]
    assert send(sales, post)
    (body,) = post.bodies()
    for said in (number, "电汇: 工行 6222 0000", "线上支付: https://pay.example.com", "¥400.00"):
        assert said in body
    assert "美元" not in body


@pytest.mark.requirement("INT-06")
def test_without_an_account_a_person_sees_to_it(sales: Office) -> None:
    sales.follows(DETAILS)
    taken(sales)
    assert sales.rows("select findings->0->>'code' from core.user_tasks") == [("payment_details.none",)]
    assert sales.count("core.letters") == 0


@pytest.mark.requirement("INT-06")
def test_a_payment_notice_is_recorded_against_the_order_and_counts_as_no_payment(sales: Office) -> None:
    number = acknowledged(sales)
    notice = {"amount": "400.00", "currency": "CNY", "method": "wire", "reference": "TT-77"}
    assert reported(sales, "payment_notice", number, **notice) == []
    recorded = sales.rows("select amount_minor, method, reference, paid_at from finance.payment_notices")
    assert recorded == [(40_000, "wire", "TT-77", NOW)]
    assert sales.count("finance.payments") == 0
    assert reported(sales, "payment_notice", number, "F-2", **notice | {"currency": "USD"}) == [
        "payment_notice.currency"
    ]
    wrong = reported(sales, "payment_notice", number, "F-3", **notice | {"amount": "1.001"})
    assert sorted(wrong) == ["payment_notice.amount", "payment_notice.currency"]
    sales.assert_clean()


@pytest.mark.requirement("SAL-08")
def test_what_is_the_customers_to_change_is_written_to_the_customer(sales: Office, post: Post) -> None:
    sales.follows(CHECK)
    number = taken(sales)
    answer(sales, "lin", "disagree", reason="收货地址不全", requested_change="补充门牌号", customer_must_change=True)
    assert standing(sales) == [("returned", [])]
    assert send(sales, post)
    (body,) = post.bodies()
    for said in ("收货地址不全", "补充门牌号", number):
        assert said in body
    reported(sales, "order_resubmitted", number, by="shop", document=submitted(definition="sample"))
    answer(sales, "lin")
    assert sales.rows("select number, state from core.order_headers join core.orders on id = order_id") == [
        (number, "archived")
    ]


@pytest.mark.requirement("SAL-08")
@pytest.mark.parametrize("choice", ["agree", "disagree"])
def test_otherwise_the_customer_is_not_written_to(sales: Office, choice: str) -> None:
    sales.follows(CHECK)
    taken(sales)
    marked = choice == "agree"  # an agreement leaves nothing to change, whatever it is marked as
    answer(sales, "lin", choice, reason="x", requested_change="y", customer_must_change=marked)
    assert sales.count("core.letters") == 0


@pytest.mark.requirement("TRK-05", "AUD-02")
@pytest.mark.parametrize(
    "statement",
    [
        "update core.letters set body = 'x'",
        "update core.letters set subject = 'x'",
        "update core.letters set created_at = now()",
        "delete from core.letters",
    ],
)
def test_what_was_written_is_never_changed(sales: Office, statement: str) -> None:
    acknowledged(sales)
    with pytest.raises(psycopg.errors.RestrictViolation), sales.database.transaction() as session:
        session.write(statement)


OF_ORDERS = {
    "number", "customer", "contact", "their_number_zh", "their_number_en", "lines", "total", "address",
    "requested_date", "delivery_date", "payment", "special_requirements",
}  # fmt: skip
"""What letters say of their order; everything else is given with the letter."""


def test_every_letter_has_words_in_both_languages() -> None:
    for kind in known_letters():
        text = (FOLDER / "letters" / f"{kind}.toml").read_text(encoding="utf-8")
        values = dict.fromkeys(places(text) - OF_ORDERS, "x")
        letter = Letter(kind, an_order(customer_order_number="PO"), 1, NOW, values)
        assert word("letters", kind, "zh") != kind
        for language in LANGUAGES:
            subject, body = render(letter, language)
            assert letter.order.number in subject
            assert "{" not in subject + body


@pytest.mark.parametrize(
    ("country", "recorded", "language"),
    [("CN", None, "zh"), ("HK", None, "zh"), ("GB", None, "en"), ("CN", "en", "en"), ("GB", "zh", "zh")],
)
def test_the_language_is_that_of_the_record_else_of_the_place(
    country: str, recorded: str | None, language: str
) -> None:
    order = an_order(delivery={"address": "x", "country": country})
    assert language_of(order, recorded) == language


def test_a_customer_is_written_to_in_the_language_on_record(sales: Office) -> None:
    with sales.database.transaction() as session:
        session.write("update sales_review.customers set language = 'en' where code = 'C001'")
    number = acknowledged(sales)
    assert sales.rows("select language, subject, revision from core.letters") == [
        ("en", f"We have received your order {number}", 1)
    ]


@pytest.mark.requirement("TRK-03")
def test_a_change_to_an_approved_order_and_its_end_are_written_to_the_customer(sales: Office) -> None:
    steps = (CHECK | {"reaches": "approved"}, CHECK | {"id": "later"})
    sales.follows(*steps, letters=["confirmation", "change_notice", "cancellation"])
    number = taken(sales)
    answer(sales, "lin")
    changed = submitted(definition="sample", requested_date="2026-08-20")
    assert reported(sales, "order_amended", number, by="shop", document=changed) == []
    answer(sales, "lin")
    assert reported(sales, "cancellation_requested", number, "F-9", reason="不需要了") == []
    assert [kind for kind, _ in states(sales)] == ["confirmation", "change_notice", "confirmation", "cancellation"]
    told = sales.rows("select body from core.letters where kind in ('change_notice', 'confirmation') order by id")
    assert ["2026-08-20" in body for (body,) in told] == [False, True, True]


def test_a_cause_of_its_own_has_a_letter_of_its_own(sales: Office) -> None:
    letters = [Letter("confirmation", an_order(), 1, NOW, key=key) for key in ("2026-08-01", "2026-08-02")]
    for _ in range(2):
        with sales.database.transaction() as session:
            write_letters(session, letters)
    assert sales.rows("select key from core.letters order by key") == [("2026-08-01",), ("2026-08-02",)]


@pytest.mark.requirement("INT-04", "TRK-04")
def test_steps_may_thank_and_confirm(sales: Office) -> None:
    thanks = step("thanks", activity="sales_review.acknowledge", roles=["salesperson"])
    confirmation = step("confirmation", activity="sales_review.confirmation", roles=["salesperson"])
    sales.follows(thanks, confirmation, ends_in="ended")
    number = taken(sales)
    assert standing(sales) == [("ended", [])]
    assert states(sales) == [("acknowledgement", "pending"), ("confirmation", "pending")]
    assert number in sales.rows("select body from core.letters where kind = 'confirmation'")[0][0]


@pytest.mark.requirement("TRK-04")
def test_who_has_no_address_is_confirmed_to_by_phone(sales: Office) -> None:
    confirmation = step("confirmation", activity="sales_review.confirmation", roles=["sales_supervisor"])
    sales.follows(confirmation, ends_in="ended")
    taken(sales, contact={"name": "王芳", "phone": "+86 21 5555 0101"})
    assert sales.rows("select findings->0->>'code' from core.user_tasks") == [("confirmation.by_phone",)]
    assert answer(sales, "lin", reason=" ") == "task.says_with_whom"
    assert answer(sales, "lin", reason="与王芳通话") is None
    assert standing(sales) == [("ended", [])]
    told = sales.rows("select actor, data->>'reason', at from core.events where kind = 'agreed'")
    assert told == [("lin", "与王芳通话", sales.now)]


# -- sending -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("INT-04", "TRK-07")
def test_a_failing_send_is_retried_with_growing_delay_then_failed_and_blocks_nothing(sales: Office, post: Post) -> None:
    post.say = lambda command: "451 later" if command == "RCPT" else "250 ok"
    acknowledged(sales)
    waited = []
    status = None
    for _ in range(3):
        assert send(sales, post)
        assert not send(sales, post)  # not before its time
        ((due, status),) = sales.rows("select due_at, status from core.letters")
        if due:
            waited.append(due - sales.now)
            sales.now = due
    assert waited == [retry_delay(1), retry_delay(2)]
    assert waited[0] < waited[1] <= retry_delay(99)
    assert status == "failed"
    ((error,),) = sales.rows("select error from core.letters")
    assert "451" in error
    assert answer(sales, "lin") is None  # the order goes on
    assert standing(sales) == [("archived", [])]
    assert post.letters == []


@pytest.mark.requirement("TRK-07")
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(("code", "status"), [("450 busy", "pending"), ("550 no such user", "failed")])
def test_a_refusal_for_good_is_not_repeated(sales: Office, post: Post, at: str, code: str, status: str) -> None:
    post.say = lambda command: code if command == at else "250 ok"
    acknowledged(sales)
    assert send(sales, post)
    assert states(sales) == [("acknowledgement", status)]
    assert post.letters == []


@pytest.mark.requirement("TRK-07")
def test_a_server_that_is_away_is_tried_again(sales: Office, post: Post) -> None:
    acknowledged(sales)
    away = replace(box(post), url="smtp://127.0.0.1:1")
    assert send_next(sales.database, away, 3, lambda: sales.now)
    assert states(sales) == [("acknowledgement", "pending")]
    sales.now += retry_delay(1)
    assert send(sales, post)
    assert states(sales) == [("acknowledgement", "sent")]
    assert len(post.letters) == 1


@pytest.mark.requirement("TRK-07")
def test_a_connection_lost_after_the_text_leaves_it_uncertain_and_unrepeated(sales: Office, post: Post) -> None:
    post.say = lambda command: None if command == "." else "250 ok"
    acknowledged(sales)
    assert send(sales, post)
    assert states(sales) == [("acknowledgement", "uncertain")]
    sales.now += timedelta(days=1)
    assert not send(sales, post)
    assert len(post.letters) == 1


@pytest.mark.requirement("TRK-07")
def test_a_sender_that_ends_between_sending_and_noting_it_leaves_it_uncertain(sales: Office, post: Post) -> None:
    acknowledged(sales)

    class Killed(BaseException):
        """The process is gone."""

    def hang_up_the_process(command: str) -> str:
        if command == ".":
            raised.set()
        return "250 ok"

    raised = threading.Event()
    post.say = hang_up_the_process

    class Dying(Mailbox):
        def send(self, mail: Mail) -> None:
            super().send(mail)
            raise Killed

    dying = Dying(post.url, "orders@example.com", 5)
    with pytest.raises(Killed):
        send_next(sales.database, dying, 3, lambda: sales.now)
    assert raised.is_set()
    assert states(sales) == [("acknowledgement", "sending")]
    leave_uncertain(sales.database)  # what the next one does first
    assert not send(sales, post)
    assert states(sales) == [("acknowledgement", "uncertain")]
    assert len(post.letters) == 1


@pytest.mark.requirement("TRK-07")
def test_two_senders_at_once_send_every_letter_once(sales: Office, post: Post) -> None:
    sales.follows(CHECK, letters=["acknowledgement"])
    sales.take(*[raw(f"X-{number}", definition="sample") for number in range(12)])

    def all_of_them() -> None:
        while send(sales, post):
            pass

    at_once(all_of_them, all_of_them)
    assert len(post.letters) == 12
    assert len({letter["Message-ID"] for letter in post.letters}) == 12
    assert {status for _, status in states(sales)} == {"sent"}


@pytest.mark.requirement("TRK-07")
def test_without_an_address_a_letter_has_failed_and_is_sent_once_one_is_given(sales: Office, post: Post) -> None:
    acknowledged(sales, contact={"name": "王芳", "phone": "+86 21 5555 0101"})
    with sales.database.transaction() as session:
        (letter,) = find_letters(session, status="failed", order=None, limit=10)
    assert letter["error"] == "no_address"

    def again(person: str = "lin", to: str | None = None) -> str | None:
        with sales.database.transaction() as session:
            refused = resend(session, letter["id"], person, to, sales.now)
        return refused.code if refused else None

    assert again() == "letter.no_address"
    assert again(to="not an address") == "letter.address"
    assert again(person="nobody", to="w@example.com") == "person.unknown"
    assert again(to="w@example.com") is None
    assert again(to="w@example.com") == "letter.not_failed"
    assert send(sales, post)
    assert post.letters[0]["To"] == "w@example.com"
    assert again() == "letter.not_failed"
    told = [json.loads(row[0]) for row in sales.rows("select data from core.audit_log order by id")]
    assert [each.get("refused") for each in told].count(None) == 1


@pytest.mark.requirement("TRK-07")
def test_one_letter_for_one_cause_is_the_databases_word(sales: Office) -> None:
    letter = Letter("confirmation", an_order(), 1, NOW)
    for _ in range(2):
        with sales.database.transaction() as session:
            write_letters(session, [letter, letter])
    assert sales.count("core.letters") == 1
    assert sales.told()["orderflow.letter.confirmation"] == 1


@pytest.mark.requirement("TRK-07")
def test_without_a_mail_server_letters_become_files_that_mail_programs_open(sales: Office, tmp_path: Path) -> None:
    number = acknowledged(sales)
    folder = Folder(tmp_path / "mail", "orders@example.com")
    assert send_next(sales.database, folder, 3, lambda: sales.now)
    assert not send_next(sales.database, folder, 3, lambda: sales.now)
    (file,) = folder.path.iterdir()
    message = message_from_bytes(file.read_bytes(), policy=SMTP)
    assert (file.suffix, message["To"], message["Subject"]) == (".eml", "wang@example.com", f"已收到贵方订单 {number}")
    assert number in message.get_content()
    assert sales.rows("select status, via from core.letters") == [("sent", str(folder.path))]


@pytest.mark.requirement("TRK-07")
def test_a_folder_that_cannot_be_written_is_tried_again(sales: Office, tmp_path: Path) -> None:
    acknowledged(sales)
    (tmp_path / "mail").write_text("a file")
    assert send_next(sales.database, Folder(tmp_path / "mail", "a@example.com"), 3, lambda: sales.now)
    assert states(sales) == [("acknowledgement", "pending")]


@pytest.mark.requirement("TRK-05")
def test_when_and_to_whom_a_letter_went_is_never_changed(sales: Office, post: Post) -> None:
    acknowledged(sales)
    assert send(sales, post)
    for change in ("sent_at = now()", "recipient = 'x@example.com'", "status = 'pending', sent_at = null"):
        with pytest.raises(psycopg.errors.RestrictViolation), sales.database.transaction() as session:
            session.write(f"update core.letters set {change}")


# -- real processes ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TRK-07")
def test_the_relay_puts_letters_into_the_home_folder_where_no_mail_server_is_set(
    sales: Office, database_url: str, broker_url: str, tmp_path: Path
) -> None:
    acknowledged(sales)
    with started("workers.relay.main", database_url=database_url, broker_url=broker_url, home=str(tmp_path)):
        until(lambda: states(sales) == [("acknowledgement", "sent")], what="the letter")
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"


@pytest.mark.requirement("INT-04", "TRK-07")
def test_the_relay_sends_what_is_written_and_never_again_after_it_was_killed(
    sales: Office, post: Post, database_url: str, broker_url: str
) -> None:
    relay = {
        "database_url": database_url,
        "broker_url": broker_url,
        "smtp_url": post.url,
        "smtp_sender": "a@example.com",
    }
    sales.follows(CHECK, letters=["acknowledgement"])
    taken(sales, external_id="X-1")
    reached, release = threading.Event(), threading.Event()

    def hold_the_second(command: str) -> str:
        if command == "." and len(post.letters) == 1:
            reached.set()
            release.wait(20)
        return "250 ok"

    post.say = hold_the_second
    with started("workers.relay.main", **relay) as process:
        until(lambda: states(sales) == [("acknowledgement", "sent")], what="the first letter")
        taken(sales, external_id="X-2")
        assert reached.wait(20)
        process.kill()  # the text is out, and nobody will ever note it
        process.wait()
    release.set()
    post.say = lambda _command: "250 ok"
    with started("workers.relay.main", **relay):
        until(lambda: ("acknowledgement", "uncertain") in states(sales), what="the letter of the killed sender")
        taken(sales, external_id="X-3")
        until(lambda: states(sales).count(("acknowledgement", "sent")) == 2, what="the third letter")
    recipients_of = [letter["Message-ID"] for letter in post.letters]
    assert len(recipients_of) == len({*recipients_of})
