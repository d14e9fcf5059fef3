"""What every contract has in common: strict types, no unknown fields, immutable, text cleaned of nothing."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

MAX_TEXT = 2_000
MAX_CODE = 64


class Contract(BaseModel):
    """Base of every message model. Unknown fields and wrong types are errors, never guessed at."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Code = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CODE, pattern=r"^\S(.*\S)?$")]
"""An identifier of somebody: a customer code, a product, a reference. No blanks at the ends."""

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
"""Free text in any script, kept as it came."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
"""A name or address that must not be blank."""
