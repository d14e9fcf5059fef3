"""Compliance (合规审核), pure: orders against restrictions by product, category, country, region and party."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Referred, finding
from workers.compliance.names_rules import Degree, Match, fold, screen


class Kind(StrEnum):
    """What a restriction is about."""

    PRODUCT = "product"
    CATEGORY = "category"
    COUNTRY = "country"
    REGION = "region"
    PARTY = "party"


@dataclass(frozen=True, slots=True)
class Restriction:
    """One rule. `value` is a code (product, category, country), a part of a region's name, or a party's name, which may
    also be the customer code. `source` names the list that it was taken from.
    """

    code: str
    kind: Kind
    value: str
    name_zh: str
    name_en: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """What the customer record says: names and place."""

    names: tuple[str, ...]
    country: str
    region: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The restrictions, by what is looked up: codes by their normal text, regions one after the other, and parties with
    their names as they are screened.
    """

    size: int
    codes: Mapping[Kind, Mapping[str, Sequence[Restriction]]]
    regions: Sequence[tuple[str, Restriction]]
    parties: Sequence[Restriction]
    party_names: tuple[str, ...]


@lru_cache(maxsize=16_384)
def normal(text: str) -> str:
    """The text as codes and regions are compared: as names are (`fold`), and blanks make no difference either."""
    return "".join(fold(text).split())


def rulebook(restrictions: Sequence[Restriction]) -> Rulebook:
    """The restrictions, made ready to be looked up."""
    codes: dict[Kind, dict[str, list[Restriction]]] = {kind: {} for kind in Kind}
    for each in restrictions:
        codes[each.kind].setdefault(normal(each.value), []).append(each)
    parties = [each for each in restrictions if each.kind is Kind.PARTY]
    return Rulebook(
        len(restrictions),
        codes,
        [(normal(each.value), each) for each in restrictions if each.kind is Kind.REGION],
        parties,
        tuple([each.value for each in parties]),
    )


def check(
    order: Order, book: Rulebook, categories: Mapping[str, str], customer: Party | None, near_percent: int
) -> Outcome:
    """Law and company policy as a configured list (CMP-01): each hit names its rule, any hit needs a person.

    A country or region counts where the goods go and where the customer is; a party as `screen_parties` says. One
    finding per rule, so that an agreement covers that rule and no other. `categories` are those of the products that
    are known.
    """
    hits: dict[Restriction, list[str]] = {}
    for product in dict.fromkeys([line.product for line in order.lines]):
        _by_code(hits, book, Kind.PRODUCT, product, product)
        if product in categories:
            _by_code(hits, book, Kind.CATEGORY, categories[product], product)
    countries, regions = [order.delivery.country], [order.delivery.region]
    names = [order.customer.name]
    if customer is not None:
        countries.append(customer.country)
        regions.append(customer.region)
        names += customer.names
    for country in dict.fromkeys(countries):
        _by_code(hits, book, Kind.COUNTRY, country, country)
    for region in dict.fromkeys(regions):
        _by_name(hits, book.regions, normal(region), region)
    findings = [
        finding(f"restricted.{rule.kind}", rule.code, **_named(rule), matched=", ".join(dict.fromkeys(matched)))
        for rule, matched in hits.items()
    ]
    findings += screen_parties(book, ((order.customer.code, names),), near_percent)
    basis = {"rules_checked": book.size}
    return Referred(tuple(findings), basis=basis) if findings else Passed(basis=basis)


def screen_parties(book: Rulebook, parties: Iterable[tuple[str, Sequence[str]]], near_percent: int) -> list[Finding]:
    """Parties, each as (code, names), against the restricted ones: by code, by name, and by names near to it. One
    finding per rule, the surest, with the listed entry, its list, and how much of it was met.
    """
    if not book.parties:
        return []
    best: dict[Restriction, tuple[Match, str]] = {}
    for code, names in parties:
        met = [(rule, Match(Degree.SAME, 100), code) for rule in book.codes[Kind.PARTY].get(normal(code), ())]
        hits = screen(tuple(names), book.party_names, near_percent)
        met += [(book.parties[hit.entry], hit.match, hit.name) for hit in hits]
        for rule, match, matched in met:
            if rule not in best or match > best[rule][0]:
                best[rule] = match, matched
    return [_party_hit(rule, match, matched) for rule, (match, matched) in best.items()]


def _party_hit(rule: Restriction, match: Match, matched: str) -> Finding:
    return finding(
        "restricted.party_near" if match.degree is Degree.NEAR else "restricted.party",
        rule.code,
        **_named(rule),
        matched=matched,
        entry=rule.value,
        list=rule.source or "-",
        percent=match.percent,
    )


def _named(rule: Restriction) -> dict[str, str]:
    return {"rule": rule.code, "name_zh": rule.name_zh, "name_en": rule.name_en}


def _by_code(hits: dict[Restriction, list[str]], book: Rulebook, kind: Kind, code: str, matched: str) -> None:
    for rule in book.codes[kind].get(normal(code), ()):
        hits.setdefault(rule, []).append(matched)


def _by_name(
    hits: dict[Restriction, list[str]], rules: Sequence[tuple[str, Restriction]], text: str, matched: str
) -> None:
    for rule in [rule for part, rule in rules if part in text]:
        hits.setdefault(rule, []).append(matched)
