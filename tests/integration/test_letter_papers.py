"""What goes with letters: made from the order as it was when the letter was written, kept as it was sent (TRK-05)."""

import json
from collections.abc import Iterator
from datetime import UTC
from email.message import Message
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from shared.audit import audit
from shared.letters import CONFIRMATION
from shared.mail import Mailbox
from shared.money import from_minor, in_chinese_capitals
from tests.integration.test_letters import states
from tests.integration.test_sales_steps import CHECK, answer, reported, taken
from tests.support.database import AS_OWNER, UNGUARDED
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.orders import submitted
from tests.support.pdf import pages
from tests.support.smtp import Post, post_office
from tests.support.terminal import Run, answered, said
from workers.departments import invariants
from workers.relay.letters import send_next


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office() as opened:
        yield opened


@pytest.fixture
def sales(office: Office) -> Office:
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('lin', 'lin', array['sales_supervisor'])")
    office.follows(CHECK | {"reaches": "approved"}, CHECK | {"id": "later"}, letters=[CONFIRMATION], ends_in="ended")
    return office


def send(office: Office, post: Post) -> bool:
    return send_next(office.database, Mailbox(post.url, "orders@example.com", 5), 3, lambda: office.now)


def attachments(letter: Message) -> list[tuple[str | None, bytes]]:
    parts = [part for part in letter.walk() if part.get_content_disposition() == "attachment"]
    return [(part.get_filename(), part.get_payload(decode=True)) for part in parts]  # type: ignore[misc]


def confirmed(sales: Office, post: Post, **changes: object) -> str:
    number = taken(sales, **changes)
    answer(sales, "lin")
    assert send(sales, post)
    return number


@pytest.mark.requirement("TRK-05")
def test_the_confirmation_that_was_sent_equals_the_order_and_is_kept_with_hash_recipient_and_time(
    sales: Office, post: Post
) -> None:
    number = confirmed(sales, post, special_requirements="木箱包装", customer_order_number="PO-7")
    ((name, content),) = attachments(post.letters[0])
    assert name == f"订单确认函 {number}.pdf"
    order = sales.document(number)
    text = "".join(pages(content))
    for expected in (
        number, "PO-7", "木箱包装", order.customer.name, order.contact.name, order.delivery.address,
        order.requested_date.isoformat(), in_chinese_capitals(order.total_minor), "电汇", "送达后30天内",
    ):  # fmt: skip
        assert expected in text, expected
    for line in order.lines:
        price, amount = from_minor(line.unit_price_minor, "CNY"), from_minor(line.amount_minor, "CNY")
        assert f"{line.quantity}{price}{amount}" in text
    ((kept, digest, recipient, at, letter_body),) = sales.rows(
        "select p.content, p.sha256, l.recipient, l.sent_at, l.body"
        " from core.letter_papers p join core.letters l on l.id = p.letter_id"
    )
    assert bytes(kept) == content
    assert bytes(digest) == sha256(content).digest()
    assert (recipient, at) == (order.contact.email, sales.now.astimezone(UTC))
    assert "¥400.00" in letter_body


@pytest.mark.requirement("TRK-05")
def test_what_was_sent_stays_as_it_was_when_the_order_changes(sales: Office, post: Post) -> None:
    number = confirmed(sales, post)
    document = submitted(definition="sample", requested_date="2026-09-09")
    assert reported(sales, "order_amended", number, by="shop", document=document) == []
    answer(sales, "lin")
    assert send(sales, post)
    dates = ["2026-09-09" in "".join(pages(content)) for letter in post.letters for _, content in attachments(letter)]
    assert dates == [False, True]


@pytest.mark.requirement("TRK-05")
def test_a_letter_written_before_a_change_and_sent_after_it_says_what_it_said(sales: Office, post: Post) -> None:
    number = taken(sales)
    answer(sales, "lin")
    document = submitted(definition="sample", requested_date="2026-09-09")
    assert reported(sales, "order_amended", number, by="shop", document=document) == []
    assert send(sales, post)
    ((_, content),) = attachments(post.letters[0])
    assert "2026-09-09" not in "".join(pages(content))


@pytest.mark.requirement("TRK-05", "AUD-02")
@pytest.mark.parametrize(
    "statement",
    [
        "update core.letter_papers set content = 'x'",
        "update core.letter_papers set made_at = now()",
        "delete from core.letter_papers",
        "truncate core.letter_papers",
    ],
)
def test_kept_papers_are_never_changed(sales: Office, post: Post, statement: str) -> None:
    confirmed(sales, post)
    refused = (psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)
    with pytest.raises(refused), sales.database.transaction() as session:
        session.write(statement)


def test_a_paper_whose_hash_is_another_is_refused_by_the_database(sales: Office, post: Post) -> None:
    taken(sales)
    answer(sales, "lin")
    with pytest.raises(psycopg.errors.CheckViolation), sales.database.transaction() as session:
        session.write(
            "insert into core.letter_papers select id, 'x', 'content', sha256('other'), now() from core.letters"
        )


@pytest.mark.requirement("TRK-05", "AUD-02")
def test_the_audit_misses_what_was_sent(sales: Office, post: Post) -> None:
    number = confirmed(sales, post)
    sales.assert_clean()
    with sales.database.transaction() as session:
        session.write(AS_OWNER)
        session.write(UNGUARDED)
        session.write("delete from core.letter_papers")
    (breach,) = audit(sales.database, invariants()).breaches
    assert (breach.invariant, breach.subject) == ("letter.confirmation_is_kept", number)


@pytest.mark.requirement("TRK-07")
def test_a_letter_tried_again_has_the_paper_that_was_made_first(sales: Office, post: Post) -> None:
    post.say = lambda command: "451 later" if command == "RCPT" else "250 ok"
    taken(sales)
    answer(sales, "lin")
    assert send(sales, post)
    ((first,),) = sales.rows("select content from core.letter_papers")
    post.say = lambda _command: "250 ok"
    sales.now = sales.rows("select due_at from core.letters")[0][0]
    with sales.database.transaction() as session:
        session.write("update sales_review.products set name_zh = '另一个名称'")
    assert send(sales, post)
    ((_, content),) = attachments(post.letters[0])
    assert content == bytes(first)
    assert states(sales) == [("confirmation", "sent")]


@pytest.mark.requirement("TRK-03")
def test_the_shipping_notice_has_its_delivery_note(office: Office, post: Post) -> None:
    hire(office)
    journey = Journey.begin(office, "d04_sales_department")
    journey.go_on(lambda: journey.state() == "shipped")
    while send(office, post):
        pass
    (notice,) = [letter for letter in post.letters if "已发货" in str(letter["Subject"])]
    ((name, content),) = attachments(notice)
    ((note,),) = office.rows("select number from logistics.delivery_notes")
    assert name == f"发货单 {note}.pdf"
    assert journey.number in pages(content)[0]


def test_the_kept_paper_is_shown_and_written_out_as_it_was_sent(
    sales: Office, post: Post, run: Run, tmp_path: Path
) -> None:
    confirmed(sales, post)
    ((_, content),) = attachments(post.letters[0])
    (letter,) = answered(run("letters", "--json"))
    shown = run("letters", "show", letter["id"])
    assert sha256(content).hexdigest() in said(shown)
    assert json.loads(run("letters", "show", letter["id"], "--json").stdout)["via"] == post.url
    file = tmp_path / "kept.pdf"
    assert run("letters", "paper", letter["id"], "--out", file).exit_code == 0
    assert file.read_bytes() == content
    assert run("letters", "paper", "00000000-0000-0000-0000-000000000000", "--out", file).exit_code == 1
