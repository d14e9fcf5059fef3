"""What stands on a document, whatever it is printed as: the same for PDF and HTML. Pure.

A document is built for one language, or for both at once: its labels then stand beside each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from shared.calendar import BUSINESS_ZONE
from shared.company import Company
from shared.money import format_amount, from_minor, in_chinese_capitals
from shared.words import Language, word

Field = tuple[str, str]
"""A label and what it says."""
Names = Mapping[str, Mapping[Language, str]]
"""Of products, by code and language."""


@dataclass(frozen=True, slots=True)
class Column:
    """`wide`: takes the room that the others leave; text that may be long stands only in such columns."""

    heading: str
    align: Literal["left", "right"] = "left"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Its headings are repeated on every page."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """One document."""

    languages: tuple[Language, ...]
    title: str
    number: str
    company: tuple[str, ...]
    """Our name in each language, then address and ways of reaching us."""
    fields: tuple[Field, ...]
    tables: tuple[Table, ...]
    totals: tuple[Field, ...] = ()
    """The last one stands out."""
    remarks: tuple[Field, ...] = ()
    signatures: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    """How a page says its number, in each language: `{page}` of `{pages}`."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all documents of a batch have in common: for whom and in which languages they are laid out."""

    company: Company
    languages: tuple[Language, ...]
    names: Names = field(default_factory=dict)

    def label(self, code: str) -> str:
        """The word for what stands beside it."""
        return self.word("paper", code)

    def word(self, kind: str, code: str) -> str:
        """A word of any kind, in the languages of the document."""
        return " ".join(dict.fromkeys(word(kind, code, language) for language in self.languages))

    def sentence(self, code: str, **values: object) -> str:
        """A sentence in each language, one below the other."""
        return "\n".join(word("paper", code, language).format(**values) for language in self.languages)

    def product(self, code: str) -> str:
        """Its name, as far as it is known."""
        known = self.names.get(code, {})
        return " / ".join(dict.fromkeys(known[language] for language in self.languages if known.get(language)))

    def money(self, minor: int, currency: str) -> str:
        """An amount with its currency."""
        return format_amount(minor, currency, "zh_CN" if "zh" in self.languages else "en")

    def capitals(self, minor: int, currency: str) -> tuple[Field, ...]:
        """大写金额, as Chinese documents have it: of amounts in yuan, where Chinese is spoken."""
        if currency != "CNY" or "zh" not in self.languages:
            return ()
        return ((self.label("in_capitals"), in_chinese_capitals(minor)),)

    def terms(self, method: str, terms: str) -> str:
        """How and when is paid."""
        said = [
            f"{word('payment_methods', method, language)}, "
            + word("payment_terms", "prepaid" if terms == "prepaid" else "net", language).format(
                days=terms.removeprefix("net_")
            )
            for language in self.languages
        ]
        return "; ".join(said)

    def bank(self) -> tuple[Field, ...]:
        """Where we are paid, as far as it is known."""
        company = self.company
        if not company.account:
            return ()
        banks = dict.fromkeys(company.bank(language) for language in self.languages)
        return ((self.label("bank"), " / ".join(filter(None, (*banks, company.account)))),)

    def paper(
        self,
        kind: str,
        number: str,
        fields: Sequence[Field],
        tables: Sequence[Table],
        totals: Sequence[Field] = (),
        remarks: Sequence[Field] = (),
        signatures: Sequence[str] = (),
    ) -> Paper:
        """A document of this kind, under our own head. Fields and remarks that say nothing are left out."""
        return Paper(
            self.languages,
            self.word("papers", kind),
            number,
            self._head(),
            tuple((label, value) for label, value in fields if value.strip()),
            tuple(tables),
            tuple(totals),
            tuple((label, value) for label, value in remarks if value.strip()),
            tuple(self.label(code) for code in signatures),
            tuple(word("paper", "page", language) for language in self.languages),
        )

    def _head(self) -> tuple[str, ...]:
        company = self.company
        names = dict.fromkeys(company.name(language) for language in self.languages)
        addresses = dict.fromkeys(company.address(language) for language in self.languages)
        reached = "  ·  ".join(filter(None, (company.phone, company.email, company.website)))
        return tuple(filter(None, (*names, *addresses, reached)))


def plain(minor: int, currency: str) -> str:
    """An amount in a column whose heading says the currency: 1,299.00."""
    return f"{from_minor(minor, currency):,}"


def kilograms(grams: int) -> str:
    """A weight: 8.2 kg."""
    return f"{Decimal(grams) / 1000:,f} kg"


def day(at: date | datetime | None) -> str:
    """A day, or the day of a moment here."""
    if isinstance(at, datetime):
        at = at.astimezone(BUSINESS_ZONE).date()
    return at.isoformat() if at else ""


def minute(at: datetime | None) -> str:
    """A moment as clocks here show it."""
    return f"{at.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M}" if at else ""
