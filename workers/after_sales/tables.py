"""The schema of this department."""

from sqlalchemy import MetaData

from shared.tables import NAMES

metadata = MetaData(schema="after_sales", naming_convention=NAMES)
