"""Who gets goods that have come free: the orders that wait for them, by priority (WHS-04). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from workers.warehouse.rules import Pick, Shelves, allocate, totals


@dataclass(frozen=True, slots=True)
class Waiter:
    """An order that waits. `lacking`: its lines as (line, product, pieces that it does not hold yet)."""

    order_id: str
    number: str
    needed_by: date
    lacking: Sequence[tuple[int, str, int]]

    @property
    def priority(self) -> tuple[date, str]:
        """The earlier date first (the promised one, else the requested one), then the lower order number."""
        return self.needed_by, self.number


def serve(waiters: Iterable[Waiter], shelves: Shelves) -> list[tuple[Waiter, list[Pick]]]:
    """Give to each, by priority, all that it lacks or nothing. One that still lacks something holds nobody up."""
    served = []
    for waiter in sorted(waiters, key=lambda waiter: waiter.priority):
        wanted = totals([(product, pieces) for _, product, pieces in waiter.lacking])
        available = shelves.of(wanted)
        if all(pieces <= available[product] for product, pieces in wanted.items()):
            picks = allocate(waiter.lacking, shelves)
            shelves.take(picks)
            served.append((waiter, picks))
    return served
