"""Facts as upstream systems report them."""

import json
from typing import Any

from shared.ids import new_id
from tests.support.orders import NOW


def fact(kind: str, fact_id: str = "", **more: Any) -> bytes:
    """A fact of this kind; repeats need the same id."""
    head = {"source": "shop", "fact_id": fact_id or new_id(), "occurred_at": NOW.isoformat(), "kind": kind}
    return json.dumps(head | more, ensure_ascii=False).encode()
