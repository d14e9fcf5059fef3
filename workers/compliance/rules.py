"""Compliance (合规审核), pure: orders against restrictions by product, category, country, region and party."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from messages.orders import Order
from shared.department import Outcome, Passed, Referred, finding


class Kind(StrEnum):
    """What a restriction is about."""

    PRODUCT = "product"
    CATEGORY = "category"
    COUNTRY = "country"
    REGION = "region"
    PARTY = "party"


@dataclass(frozen=True, slots=True)
class Restriction:
    """One rule of the list. `value` is a code (product, category, country), or a part of a region's or party's name;
    a party's may also be the customer code.
    """

    code: str
    kind: Kind
    value: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Party:
    """What the customer record says: names and place. `names` are normal texts, one per line."""

    names: str
    country: str
    region: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The restrictions, by what is looked up: codes by their normal text, names one after the other."""

    size: int
    codes: Mapping[Kind, Mapping[str, Sequence[Restriction]]]
    regions: Sequence[tuple[str, Restriction]]
    parties: Sequence[tuple[str, Restriction]]


@lru_cache(maxsize=16_384)
def normal(text: str) -> str:
    """The text as it is compared: neither case, nor full or half width (全角半角), nor blanks make a difference."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def party(names: Iterable[str], country: str, region: str) -> Party:
    """A customer record, made ready to be compared."""
    return Party("\n".join([normal(name) for name in names]), country, region)


def rulebook(restrictions: Sequence[Restriction]) -> Rulebook:
    """The restrictions, made ready to be looked up."""
    codes: dict[Kind, dict[str, list[Restriction]]] = {kind: {} for kind in Kind}
    for each in restrictions:
        codes[each.kind].setdefault(normal(each.value), []).append(each)
    return Rulebook(
        len(restrictions),
        codes,
        [(normal(each.value), each) for each in restrictions if each.kind is Kind.REGION],
        [(normal(each.value), each) for each in restrictions if each.kind is Kind.PARTY],
    )


def check(order: Order, book: Rulebook, categories: Mapping[str, str], customer: Party | None) -> Outcome:
    """Law and company policy as a configured list (CMP-01): each hit names its rule, any hit needs a person.

    A country or region counts where the goods go and where the customer is; a party by its code, or by a part of its
    name as written on the order or recorded. One finding per rule, so that an agreement covers that rule and no other.
    `categories` are those of the products that are known.
    """
    hits: dict[Restriction, list[str]] = {}
    for product in dict.fromkeys([line.product for line in order.lines]):
        _by_code(hits, book, Kind.PRODUCT, product, product)
        if product in categories:
            _by_code(hits, book, Kind.CATEGORY, categories[product], product)
    countries, regions = [order.delivery.country], [order.delivery.region]
    names = normal(order.customer.name)
    if customer is not None:
        countries.append(customer.country)
        regions.append(customer.region)
        names = f"{names}\n{customer.names}"
    for country in dict.fromkeys(countries):
        _by_code(hits, book, Kind.COUNTRY, country, country)
    for region in dict.fromkeys(regions):
        _by_name(hits, book.regions, normal(region), region)
    _by_code(hits, book, Kind.PARTY, order.customer.code, order.customer.code)
    _by_name(hits, book.parties, names, order.customer.name)
    basis = {"rules_checked": book.size}
    if not hits:
        return Passed(basis=basis)
    findings = [
        finding(
            f"restricted.{rule.kind}",
            rule.code,
            rule=rule.code,
            name_zh=rule.name_zh,
            name_en=rule.name_en,
            matched=", ".join(dict.fromkeys(matched)),
        )
        for rule, matched in hits.items()
    ]
    return Referred(tuple(findings), basis=basis)


def _by_code(hits: dict[Restriction, list[str]], book: Rulebook, kind: Kind, code: str, matched: str) -> None:
    for rule in book.codes[kind].get(normal(code), ()):
        hits.setdefault(rule, []).append(matched)


def _by_name(
    hits: dict[Restriction, list[str]], rules: Sequence[tuple[str, Restriction]], text: str, matched: str
) -> None:
    for rule in [rule for part, rule in rules if part in text]:
        hits.setdefault(rule, []).append(matched)
