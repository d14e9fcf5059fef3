"""Contracts as they come in, and one on its way through the company."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from messages.contracts import SalesContract
from shared.ids import new_id
from shared.tasks import Refusal, Wish, decide
from tests.support.facts import fact
from tests.support.office import Office
from tests.support.orders import NOW
from workers.intake.accept import Receipt

REGISTRAR = "contract_manager.1"
SELLER = {"code": "WE", "name": "东方贸易有限公司"}
BUYER = {"code": "C001", "name": "上海明珠贸易有限公司"}
ELEMENTS = {
    "parties": "甲方东方贸易有限公司,乙方上海明珠贸易有限公司",
    "subject": "激光打印机、硒鼓",
    "quantity": "打印机 3 台,硒鼓 2 个",
    "quality": "符合国家标准",
    "price": "合计人民币 400.00 元",
    "period": "签订后 30 日内交货",
    "liability": "逾期每日千分之一",
}
TERMS = {"delivery": "送货上门", "payment": "货到 30 日付款", "warranty": "保修一年"}
DUE = NOW.date() + timedelta(days=30)
OBLIGATIONS = [
    {"kind": "delivery", "what": "交付全部货物", "due": DUE.isoformat()},
    {"kind": "payment", "what": "付清货款", "due": (DUE + timedelta(days=30)).isoformat(), "amount": "400.00"},
]
SIGNED = {
    "by": REGISTRAR,
    "signing_head": "李总",
    "seal": "合同专用章",
    "signed_on": NOW.date().isoformat(),
    "our_signature": "李明",
    "their_signature": "王芳",
}


def a_submitted_contract(**changes: Any) -> dict[str, Any]:
    """One of 400.00 CNY that lacks nothing; fields may be replaced."""
    return {
        "dated": NOW.date().isoformat(),
        "seller": SELLER,
        "buyer": BUYER,
        "text": "买卖合同。第一条 标的……第七条 违约责任……",
        "sale_type": "domestic",
        "currency": "CNY",
        "lines": [
            {"product": "P001", "quantity": 3, "unit_price": "100.00"},
            {"product": "P002", "quantity": 2, "unit_price": "50.00"},
        ],
        "total": "400.00",
        "elements": ELEMENTS,
        "terms": TERMS,
        "obligations": OBLIGATIONS,
        **changes,
    }


def a_contract(**changes: Any) -> SalesContract:
    """The same as it is stored; fields may be replaced."""
    line = {"discount_basis_points": 0}
    known: dict[str, Any] = {
        "id": new_id(),
        "number": "CT-20260615-000001",
        "source": "shop",
        "external_id": new_id(),
        "creator": REGISTRAR,
        "created_at": NOW,
        "dated": NOW.date(),
        "seller": SELLER,
        "customer": BUYER,
        "sale_type": "domestic",
        "currency": "CNY",
        "lines": [
            line | {"number": 1, "product": "P001", "quantity": 3, "unit_price_minor": 10_000, "amount_minor": 30_000},
            line | {"number": 2, "product": "P002", "quantity": 2, "unit_price_minor": 5_000, "amount_minor": 10_000},
        ],
        "total_minor": 40_000,
        "total_base_minor": 40_000,
        "elements": ELEMENTS,
        "terms": TERMS,
        "obligations": [
            {"number": 1, "kind": "delivery", "what": "交付全部货物", "due": DUE},
            {"number": 2, "kind": "payment", "what": "付清货款", "due": date(2026, 8, 14), "amount_minor": 40_000},
        ],
        "text": "买卖合同……",
    }
    return msgspec.convert(known | changes, SalesContract)


@dataclass
class Review:
    """One contract; `number` names it."""

    office: Office
    number: str

    @classmethod
    def begin(cls, office: Office, **changes: Any) -> "Review":
        """It comes in, and goes to the first people."""
        (receipt,) = office.report(fact("contract_received", by=REGISTRAR, document=a_submitted_contract(**changes)))
        assert receipt.number, receipt
        office.work()
        return cls(office, receipt.number)

    def tell(self, kind: str, **content: Any) -> Receipt:
        """A fact about it is reported, and booked."""
        (receipt,) = self.office.report(fact(kind, contract=self.number, **content))
        self.office.work()
        return receipt

    def decide(self, step: str, choice: str = "agree", person: str = "", **words: str) -> Refusal | None:
        """A holder of the step's role decides; in the given words, or in plain ones."""
        task, roles = self.tasks()[step]
        if not words:
            words = {"reason": f"{step}: 同意"} if choice == "agree" else {
                "reason": "交期过短", "clause": "第五条", "requested_change": "改为 45 日"
            }  # fmt: skip
        with self.office.database.transaction() as session:
            wish = Wish(task, person or f"{roles[0]}.1", choice, **words)  # type: ignore[arg-type]
            (answer,), batches = decide(session, [wish], self.office.now)
        self.office.queue += batches
        self.office.work()
        return answer

    def approve(self) -> None:
        """Everybody agrees, up to the leader."""
        while tasks := self.tasks():
            for step in tasks:
                assert self.decide(step) is None

    def tasks(self) -> dict[str, tuple[str, list[str]]]:
        """The open ones: by step, the task and its roles."""
        rows = self.office.rows(
            "select t.step, t.id, t.roles from core.user_tasks t join core.order_headers using (order_id)"
            " where number = %s and t.status = 'open' order by t.step",
            self.number,
        )
        return {step: (task, roles) for step, task, roles in rows}

    def findings(self, step: str) -> list[dict[str, Any]]:
        """What is shown with the open task of a step."""
        ((text,),) = self.office.rows(
            "select t.findings from core.user_tasks t join core.order_headers using (order_id)"
            " where number = %s and t.status = 'open' and t.step = %s",
            self.number,
            step,
        )
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def state(self) -> str:
        sql = "select o.state from core.orders o join core.order_headers h on h.order_id = o.id where number = %s"
        return str(self.office.rows(sql, self.number)[0][0])

    def steps(self, round_: int = 1) -> list[str]:
        """What was finished in a round, in order."""
        rows = self.office.rows(
            "select e.step from core.events e join core.order_headers using (order_id) where number = %s"
            " and e.round = %s and e.kind in ('passed', 'agreed', 'opinion') order by e.seq",
            self.number,
            round_,
        )
        return [row[0] for row in rows]

    def refused(self) -> list[str]:
        """Why the last refused fact was refused: codes with what they are about."""
        rows = self.office.rows(
            "select refused from core.facts where refused is not null order by received_at desc, id desc limit 1"
        )
        return [f"{each['code']} {each['subject']}" for each in json.loads(rows[0][0])] if rows else []
