"""The schema of this department."""

from sqlalchemy import MetaData

from shared.tables import NAMES

metadata = MetaData(schema="warehouse", naming_convention=NAMES)
