"""Facts: what is reported about orders and goods after they were submitted, each department's in `messages/facts/`."""

from typing import Annotated, get_args

from pydantic import Field, TypeAdapter

from messages.facts.after_sales import AfterSalesFact
from messages.facts.compliance import ComplianceFact
from messages.facts.finance import FinanceFact
from messages.facts.logistics import LogisticsFact
from messages.facts.sales_review import SalesReviewFact
from messages.facts.warehouse import WarehouseFact

Fact = Annotated[
    AfterSalesFact | ComplianceFact | FinanceFact | LogisticsFact | SalesReviewFact | WarehouseFact,
    Field(discriminator="kind"),
]
FACT: TypeAdapter[Fact] = TypeAdapter(Fact)

_BOOKED_BY = {
    "after_sales": AfterSalesFact,
    "compliance": ComplianceFact,
    "finance": FinanceFact,
    "logistics": LogisticsFact,
    "sales_review": SalesReviewFact,
    "warehouse": WarehouseFact,
}
FACT_OWNERS: dict[str, str] = {
    fact.model_fields["kind"].default: department
    for department, facts in _BOOKED_BY.items()
    for fact in get_args(facts) or (facts,)
}
"""Which department books which kind of fact."""
