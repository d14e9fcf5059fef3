"""Asking the customer (INT-08): whoever is to decide a task may ask for missing information first.

The customer is written to. The task closes, and the order waits at its step until the answer comes as a fact; then the
same step of the same round is decided again, by people who see question and answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from messages.orders import Order
from shared import authority
from shared.attempts import note_refused
from shared.authority import People, Refusal, Task, Wish
from shared.batches import Ref
from shared.catalogue import Catalogue
from shared.database import Session, array
from shared.history import Kind
from shared.ids import new_id
from shared.journal import Journal
from shared.letters import INFORMATION_REQUEST, Letter
from shared.outbox import Announcement
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import Standing
from shared.tasks import lock_orders_and_tasks, read_people

ASK = "ask"


@dataclass(frozen=True, slots=True)
class Question:
    """One that waits for its answer; an order has at most one."""

    id: str
    round: int
    step: str
    asked_by: str
    text: str

    def concerns(self, folder: Standing) -> bool:
        """Whether the order still stands where it was asked; returned or cancelled meanwhile, it needs no answer."""
        return folder.closing is None and (folder.round, self.step in folder.open) == (self.round, True)


Questions = Mapping[str, Question]
"""By order."""


def wait_key(order_id: str) -> str:
    """What an order waits for until the answer comes."""
    return f"information:{order_id}"


def ask(
    session: Session,
    wish: Wish,
    text: str,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
) -> Refusal | None:
    """Ask, instead of deciding the task, or say why not (AUD-01)."""
    folders, tasks = lock_orders_and_tasks(session, {wish.task}, definitions, policies)
    task = tasks.get(wish.task)
    folder = folders[task.order_id] if task else None
    name = _refusal(wish, text, task, folder, unanswered(session, folders), read_people(session, {wish.person}), now)
    if isinstance(name, Refusal) or task is None or folder is None:
        assert isinstance(name, Refusal), "an unknown task is refused"
        note_refused(session, now, wish.person, f"task.{ASK}", wish.task, name)
        return name
    question = new_id()
    session.write("update core.user_tasks set status = 'closed' where id = %s", task.id)
    session.write(_SET_ASIDE, folder.id)
    session.write(
        _ASK, question, folder.id, task.round, task.step, task.id, wish.person, name or None, text.strip(), now
    )
    journal = Journal(now)
    said = {"task": task.id, "question": text.strip(), "on_behalf_of": name}
    data = {key: value for key, value in said.items() if value}
    journal.note(folder, Kind.INFORMATION_REQUESTED, task.step, wish.person, data)
    journal.wait(folder, folder.definition.step(task.step), [wait_key(folder.id)], None, {})
    journal.announcements.append(_announcement(question, folder, task, text.strip(), now))
    if isinstance(folder.document, Order):
        said = {"question": text.strip()}
        journal.letters.append(Letter(INFORMATION_REQUEST, folder.document, folder.round, now, said, question))
    journal.write(session)
    return None


def answer(
    session: Session, journal: Journal, folder: Standing, question: Question | None, text: str, source: str, fact: str
) -> Refusal | None:
    """Keep the customer's answer and put the order back to its step; or say that nothing was asked."""
    if question is None or not question.concerns(folder):
        return Refusal("question.none", {"order": folder.document.number, "state": folder.state})
    session.write(_ANSWER, text.strip(), source, journal.now, fact, question.id)
    data = {"question": question.text, "answer": text.strip(), "fact": fact}
    journal.note(folder, Kind.INFORMATION_GIVEN, question.step, source, data)
    session.write(_WAKE, folder.id, question.step)
    department = folder.definition.step(question.step).department
    journal.send(department, Ref(folder.id, folder.round, question.step))
    return None


def unanswered(session: Session, orders: Collection[str]) -> dict[str, Question]:
    """The open questions of these orders."""
    if not orders:
        return {}
    return {row[0]: Question(*row[1:]) for row in session.rows(_UNANSWERED, array(sorted(orders)))}


def _refusal(
    wish: Wish,
    text: str,
    task: Task | None,
    folder: Standing | None,
    questions: Questions,
    people: People,
    now: datetime,
) -> str | Refusal:
    """In whose name it is asked, or why it is not."""
    if task is None or folder is None:
        return Refusal("task.unknown", {"task": wish.task})
    gone = authority.gone(task)
    if gone:
        return gone
    name = authority.acting_for(wish, task, people, now)
    if isinstance(name, Refusal):
        return name
    if not text.strip():
        return Refusal("question.empty", {})
    other = questions.get(folder.id)
    if other and other.concerns(folder):
        return Refusal("question.open", {"order": task.number, "by": other.asked_by, "question": other.text})
    return name


def _announcement(question: str, folder: Standing, task: Task, text: str, now: datetime) -> Announcement:
    document = folder.document
    body = {
        "schema_version": 1,
        "question": question,
        "order": document.number,
        "customer": document.customer.code,
        "step": task.step,
        "round": task.round,
        "text": text,
    }
    return Announcement(question, "orderflow.information.requested", document.number, now, body)


_ASK = """
insert into core.questions (id, order_id, round, step, task_id, asked_by, asked_for, question, asked_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# What was asked before the order was returned or changed waits for no answer any more.
_SET_ASIDE = "update core.questions set status = 'set aside' where order_id = %s and status = 'open'"
_ANSWER = """
update core.questions set status = 'answered', answer = %s, answered_by = %s, answered_at = %s, fact_id = %s
where id = %s and status = 'open'
"""
_WAKE = "delete from core.waits where order_id = %s and step = %s"
_UNANSWERED = """
select order_id, id, round, step, asked_by, question from core.questions
where order_id = any(%s::uuid[]) and status = 'open'
"""
