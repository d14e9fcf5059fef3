"""What must hold in the books at any time. Each department states its own; `orderflow audit` proves them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` returns a row (subject, detail) for every breach, and none while all is well."""

    code: str
    sql: str
