"""The schema of this department."""

from sqlalchemy import MetaData

from shared.tables import NAMES

metadata = MetaData(schema="sales_review", naming_convention=NAMES)
