"""Facts that after-sales 售后 books."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code, Contract, Text
from messages.facts.fact import BaseFact, Words
from messages.orders import MAX_LINES, Quantity

CaseKind = Literal["exception", "return", "exchange", "repair", "support", "complaint"]
"""收货异常, 退货, 换货, 报修, 技术支持, 投诉."""
WITH_LINES: tuple[CaseKind, ...] = ("exception", "return", "exchange")
"""Cases that are about lines of the order."""


class ReceiptConfirmed(BaseFact):
    """The customer inspected the goods and confirmed receipt (确认收货, AFT-01)."""

    kind: Literal["receipt_confirmed"] = "receipt_confirmed"
    order: Code
    remarks: Text = ""


class SurveyAnswered(BaseFact):
    """The customer answered the satisfaction questionnaire (满意度问卷, AFT-08). The scale is the policy's."""

    kind: Literal["survey_answered"] = "survey_answered"
    order: Code
    score: int
    comment: Text = ""


class CaseLine(Contract):
    """How much of an order's line a case is about, in pieces."""

    line: Annotated[int, Field(ge=1)]
    quantity: Quantity


class CaseOpened(BaseFact):
    """A customer is not content or needs help (AFT-03…07). `by` recorded it; None: the customer did. `reason` in words;
    `exception` says what kind of receipt exception (收货异常) it is; `product` what is to be repaired (报修).
    """

    kind: Literal["case_opened"] = "case_opened"
    order: Code
    case_kind: CaseKind
    reason: Words
    by: Code | None = None
    exception: Literal["short", "damaged", "wrong", "late"] | None = None
    product: Code | None = None
    lines: Annotated[tuple[CaseLine, ...], Field(max_length=MAX_LINES)] = ()

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if (self.case_kind == "exception") != (self.exception is not None):
            raise ValueError("exception is for the case_kind exception, which needs it")
        if self.case_kind in WITH_LINES and not self.lines:
            raise ValueError(f"case_kind {self.case_kind} needs lines")
        if self.case_kind == "repair" and self.product is None:
            raise ValueError("case_kind repair needs product")
        if len({each.line for each in self.lines}) < len(self.lines):
            raise ValueError("lines name a line twice")
        return self


class CaseAssigned(BaseFact):
    """Who handles a case from now on (AFT-06)."""

    kind: Literal["case_assigned"] = "case_assigned"
    case: Code
    by: Code
    to: Code


class CaseHandled(BaseFact):
    """What was done about a case, or said (AFT-06, AFT-07)."""

    kind: Literal["case_handled"] = "case_handled"
    case: Code
    by: Code
    note: Words


class CaseClosed(BaseFact):
    """A case ends (AFT-03…07): `done` or `rejected`, with its result (of a repair or question: the solution), and what
    the customer said of it.
    """

    kind: Literal["case_closed"] = "case_closed"
    case: Code
    by: Code
    outcome: Literal["done", "rejected"]
    result: Text = ""
    feedback: Text = ""


AfterSalesFact = ReceiptConfirmed | SurveyAnswered | CaseOpened | CaseAssigned | CaseHandled | CaseClosed
