"""The company itself, as documents show it: what `company.csv` says."""

from collections.abc import Sequence

from shared.database import Session
from shared.master import MasterFile, MasterRow
from shared.words import Language


class Company(MasterRow):
    """Our own name, address and bank: the only line of the file. Of what is there in two languages one is enough.
    Documents leave out what is not known.
    """

    name_zh: str = ""
    name_en: str = ""
    address_zh: str = ""
    address_en: str = ""
    tax_number: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    bank_zh: str = ""
    bank_en: str = ""
    account: str = ""

    def name(self, language: Language) -> str:
        """As it is called in that language."""
        return (self.name_zh or self.name_en) if language == "zh" else (self.name_en or self.name_zh)

    def address(self, language: Language) -> str:
        """Likewise."""
        return (self.address_zh or self.address_en) if language == "zh" else (self.address_en or self.address_zh)

    def bank(self, language: Language) -> str:
        """Likewise."""
        return (self.bank_zh or self.bank_en) if language == "zh" else (self.bank_en or self.bank_zh)


_NAMES = tuple(Company.model_fields)


def save(session: Session, rows: Sequence[Company]) -> None:
    """Replace what is known. Raises ValueError unless there is one company, with a name."""
    if len(rows) != 1 or not rows[0].name("zh"):
        raise ValueError("one company is needed, with name_zh or name_en")
    session.write(_SAVE, *(getattr(rows[0], name) for name in _NAMES))


def company_of(rows: Sequence[Sequence[str]]) -> Company:
    """What READ has found."""
    return Company(**dict(zip(_NAMES, rows[0], strict=True))) if rows else Company()


MASTER: tuple[MasterFile[Company], ...] = (MasterFile("company", Company, save),)

READ = f"select {', '.join(_NAMES)} from core.company"  # noqa: S608 - a constant
_SAVE = f"""
insert into core.company ({", ".join(_NAMES)}) values ({", ".join(["%s"] * len(_NAMES))})
on conflict (one) do update set {", ".join(f"{name} = excluded.{name}" for name in _NAMES)}
"""  # noqa: S608 - a constant
