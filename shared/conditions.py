"""The closed expression language of a step's `when` (APR-07): `total >= senior_threshold or special_requirements`.

A text is parsed against a short list of allowed forms and turned into a function; nothing of it is ever executed by
Python. Kinds are checked while parsing, so that a condition which has been read cannot fail on well-formed values.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from messages.orders import Channel, PaymentMethod, SaleType

Value = int | str | bool
Kind = Literal["number", "text", "yes or no"]
Read = Callable[[Mapping[str, Value]], Value]

NAMES: Mapping[str, Kind] = MappingProxyType(
    {
        # of the order
        "total": "number",  # in minor units of the policy's base currency
        "currency": "text",
        "sale_type": "text",
        "channel": "text",
        "payment_terms": "text",
        "payment_method": "text",
        "special_requirements": "yes or no",  # INT-07: any are stated
        "line_count": "number",
        "customer_class": "text",  # CRM-01
        "new_customer": "yes or no",  # CRM-02
        # of the policy
        "senior_threshold": "number",  # in minor units of its base currency
        "new_customer_threshold": "number",  # likewise
    }
)
"""Every value that a condition may use, and what kind it is of."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "sale_type": tuple(SaleType),
    "channel": tuple(Channel),
    "payment_method": tuple(PaymentMethod),
    "customer_class": ("A", "B", "C"),
}
_ORDERS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LONGEST = 500
_DEEPEST = 12


class ConditionError(ValueError):
    """The text is no condition; the message says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that has been read. Two are equal when their texts are."""

    text: str
    names: frozenset[str] = field(compare=False)
    """The values that it looks at."""
    _holds: Read = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    kind: Kind
    read: Read
    literal: Value | None = None
    name: str | None = None


def parse_condition(text: str) -> Condition:
    """Reads a condition. Raises ConditionError for anything outside the language."""
    if len(text) > _LONGEST:
        raise ConditionError(f"longer than {_LONGEST} characters")
    if "\\" in text or not text.isprintable():
        raise ConditionError("holds a backslash, line break or control character")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConditionError("not an expression") from error
    whole = _part(tree, 1)
    if whole.kind != "yes or no":
        raise ConditionError(f"a {whole.kind} is not a condition")
    return Condition(text, frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)), whole.read)


def evaluate(condition: Condition, values: Mapping[str, Value]) -> bool:
    """Whether the condition holds. Raises KeyError where `values` lacks one of its names."""
    return condition._holds(values) is True


def _part(node: ast.expr, depth: int) -> _Part:
    if depth > _DEEPEST:
        raise ConditionError(f"nested deeper than {_DEEPEST}")
    match node:
        case ast.Constant() | ast.UnaryOp(op=ast.USub()):
            return _literal(node)
        case ast.Name(id=name):
            return _name(name)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _truth(operand, depth + 1)
            return _Part("yes or no", lambda values: not inner(values))
        case ast.BoolOp(op=joint, values=operands):
            return _joined(joint, [_truth(operand, depth + 1) for operand in operands])
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as sign], comparators=[ast.Tuple(elts=options)]):
            return _among(_part(left, depth + 1), options, isinstance(sign, ast.In))
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            raise ConditionError('"in" needs a list such as ("a", "b") after it')
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _compared(_part(left, depth + 1), sign, _part(right, depth + 1))
        case ast.Compare():
            raise ConditionError("one comparison at a time; join them with and")
    raise ConditionError(f"{type(node).__name__} is not part of the language")


def _literal(node: ast.expr) -> _Part:
    sign = 1
    if isinstance(node, ast.UnaryOp):
        node, sign = node.operand, -1
    value = node.value if isinstance(node, ast.Constant) else None
    if type(value) is int:
        return _constant("number", sign * value)
    if type(value) is bool and sign == 1:
        return _constant("yes or no", value)
    if type(value) is str and sign == 1:
        return _constant("text", value)
    raise ConditionError("only whole numbers, texts, True and False may stand as values")


def _constant(kind: Kind, value: Value) -> _Part:
    return _Part(kind, lambda _: value, literal=value)


def _name(name: str) -> _Part:
    if name not in NAMES:
        raise ConditionError(f"unknown value '{name}'; known are {', '.join(NAMES)}")
    return _Part(NAMES[name], lambda values: values[name], name=name)


def _truth(node: ast.expr, depth: int) -> Read:
    part = _part(node, depth)
    if part.kind != "yes or no":
        raise ConditionError(f"and, or, not join conditions, not a {part.kind}")
    return part.read


def _joined(joint: ast.boolop, reads: list[Read]) -> _Part:
    if isinstance(joint, ast.And):
        return _Part("yes or no", lambda values: all(read(values) for read in reads))
    return _Part("yes or no", lambda values: any(read(values) for read in reads))


def _among(left: _Part, options: list[ast.expr], wanted: bool) -> _Part:
    parts = [_literal(option) for option in options]
    if not parts:
        raise ConditionError('"in" needs at least one value')
    for part in parts:
        _alike(left, part)
    found = frozenset(part.literal for part in parts)
    return _Part("yes or no", lambda values: (left.read(values) in found) is wanted)


def _compared(left: _Part, sign: ast.cmpop, right: _Part) -> _Part:
    _alike(left, right)
    a, b = left.read, right.read
    if isinstance(sign, ast.Eq):
        return _Part("yes or no", lambda values: a(values) == b(values))
    if isinstance(sign, ast.NotEq):
        return _Part("yes or no", lambda values: a(values) != b(values))
    if left.kind != "number":
        raise ConditionError(f"a {left.kind} has no order: only ==, != and in")
    ordered = _ORDERS.get(type(sign))
    if ordered is None:
        raise ConditionError(f"{type(sign).__name__} is not part of the language")
    return _Part("yes or no", lambda values: ordered(a(values), b(values)))


def _alike(left: _Part, right: _Part) -> None:
    if left.kind != right.kind:
        raise ConditionError(f"a {left.kind} cannot be compared with a {right.kind}")
    for named, other in ((left, right), (right, left)):
        words = _WORDS.get(named.name or "")
        if words and other.literal is not None and other.literal not in words:
            raise ConditionError(f"{named.name} is never '{other.literal}', only {', '.join(words)}")
