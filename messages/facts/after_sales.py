"""Facts that after-sales 售后 books."""

from typing import Literal

from messages.contract import Code, Text
from messages.facts.fact import BaseFact


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


AfterSalesFact = ReceiptConfirmed | SurveyAnswered
