"""The schema of this department."""

from sqlalchemy import MetaData

from shared.tables import NAMES

metadata = MetaData(schema="compliance", naming_convention=NAMES)
