"""What upstream systems get wrong: each turns a good order into bytes that are refused at the edge, for one reason."""

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

Breaker = Callable[[dict[str, Any], date], bytes]


def _json(order: dict[str, Any]) -> bytes:
    return json.dumps(order, ensure_ascii=False).encode()


def _cut_off(order: dict[str, Any], _: date) -> bytes:
    whole = _json(order)
    return whole[: len(whole) // 2]


def _without_customer(order: dict[str, Any], _: date) -> bytes:
    return _json({name: value for name, value in order.items() if name != "customer"})


def _of_nothing(order: dict[str, Any], _: date) -> bytes:
    first, *others = order["lines"]
    return _json(order | {"lines": [first | {"quantity": 0}, *others]})


def _miscounted(order: dict[str, Any], _: date) -> bytes:
    return _json(order | {"total": str(Decimal(order["total"]) + 1)})


def _of_unknown_goods(order: dict[str, Any], _: date) -> bytes:
    first, *others = order["lines"]
    return _json(order | {"lines": [first | {"product": "P999"}, *others]})


def _of_a_stranger(order: dict[str, Any], _: date) -> bytes:
    return _json(order | {"customer": {"code": "C999", "name": "查无此人商行"}})


def _for_yesterday(order: dict[str, Any], today: date) -> bytes:
    return _json(order | {"requested_date": (today - timedelta(days=3)).isoformat()})


def _unreachable(order: dict[str, Any], _: date) -> bytes:
    return _json(order | {"contact": {"name": order["contact"]["name"]}})


BREAKERS: Mapping[str, Breaker] = MappingProxyType(
    {
        "json_invalid": _cut_off,
        "missing": _without_customer,
        "greater_than": _of_nothing,
        "total_differs": _miscounted,
        "unknown_product": _of_unknown_goods,
        "unknown_customer": _of_a_stranger,
        "in_the_past": _for_yesterday,
        "unreachable": _unreachable,
    }
)
"""By the code of the reason for which they are refused."""
