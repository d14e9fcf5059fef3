"""The schema of this department."""

from sqlalchemy import MetaData

from shared.tables import NAMES

metadata = MetaData(schema="logistics", naming_convention=NAMES)
