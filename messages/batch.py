"""The message between departments: a wake-up call that names a batch. The batch itself is a row in PostgreSQL."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from messages.contract import Contract

MAX_ORDERS = 256
MAX_BATCH_LINES = 2_000


class Department(StrEnum):
    """The six departments, by the name of their queue."""

    SALES_REVIEW = "sales_review"
    FINANCE = "finance"
    COMPLIANCE = "compliance"
    WAREHOUSE = "warehouse"
    LOGISTICS = "logistics"
    AFTER_SALES = "after_sales"


class BatchKind(StrEnum):
    """`steps`: orders at a step of theirs; `facts`: reported facts to be booked by the department."""

    STEPS = "steps"
    FACTS = "facts"


class Batch(Contract):
    """Version 1. `id` is the batch row's uuid; `size` is how many orders or facts it names, for dashboards only."""

    schema_version: Literal[1] = 1
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    department: Department = Field(strict=False)
    kind: BatchKind = Field(default=BatchKind.STEPS, strict=False)
    size: Annotated[int, Field(ge=1, le=MAX_ORDERS)]
