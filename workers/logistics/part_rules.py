"""Orders that leave in parts (LOG-02), pure: what of an order may leave with its next delivery note."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messages.orders import Order


def prepared_key(order_id: str) -> str:
    """What an order waits for whose rest is not prepared yet."""
    return f"prepared:{order_id}"


@dataclass(frozen=True, slots=True)
class Parts:
    """Units by line: what has left, what the note at work names (None: there is none), what the warehouse has prepared
    altogether (None: it prepares nothing in this process). `packages` and grams: of what is packed and has not left.
    """

    left: Mapping[int, int] = field(default_factory=dict)
    noted: Mapping[int, int] | None = None
    prepared: Mapping[int, int] | None = None
    count: int = 0
    packages: int | None = None
    weight_grams: int | None = None

    def going(self, order: Order) -> dict[int, int]:
        """What leaves next: what its note says, else whatever of the rest is prepared. Lines of which nothing does are
        left out; never more than was ordered.
        """
        going = {}
        for line in order.lines:
            left = self.left.get(line.number, 0)
            ready = line.quantity if self.prepared is None else self.prepared.get(line.number, 0)
            quantity = min(line.quantity, ready) - left if self.noted is None else self.noted.get(line.number, 0)
            if quantity > 0:
                going[line.number] = quantity
        return going

    def rest(self, order: Order, going: Mapping[int, int]) -> int:
        """Units that remain once these have left, too."""
        return sum([line.quantity for line in order.lines]) - sum(self.left.values()) - sum(going.values())
