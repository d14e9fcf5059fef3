"""What every fact says, whichever department books it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from messages.contract import Code, Contract

Words = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]
"""Text that must not be blank."""


class BaseFact(Contract):
    """Who reports it under which id (repeats of the pair count once), and when it happened (UTC)."""

    schema_version: Literal[1] = 1
    source: Code
    fact_id: Code
    occurred_at: datetime
