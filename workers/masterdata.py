"""Loading a company's folder of CSV files: everything is checked before anything is saved."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from shared.calendar_days import MASTER as CALENDAR
from shared.company import MASTER as COMPANY
from shared.database import Database
from shared.master import MasterError, MasterFile, MasterRow, read
from shared.runtime import wake_orders
from shared.staff import MASTER as STAFF
from workers.departments import master_files


def load_folder(database: Database, folder: Path) -> tuple[dict[str, int], list[MasterError]]:
    """Rows saved per file, in one transaction; or every fault of every file, and nothing is saved."""
    known: list[MasterFile[Any]] = [*COMPANY, *STAFF, *CALENDAR, *master_files()]
    files = {file.name: file for file in known}
    faults = [
        MasterError(path.name, 0, "", f"no such file is known; known are {', '.join(sorted(files))}")
        for path in sorted(folder.glob("*.csv"))
        if path.stem not in files
    ]
    rows: dict[str, list[MasterRow]] = {}
    for name, file in files.items():
        path = folder / f"{name}.csv"
        if path.exists():
            rows[name], found = read(path, file)
            faults += found
    if not rows and not faults:
        faults.append(MasterError(str(folder), 0, "", f"holds none of {', '.join(sorted(files))} (as .csv)"))
    if faults:
        return {}, faults
    return _save(database, files, rows)


def _save(
    database: Database, files: dict[str, MasterFile[MasterRow]], rows: dict[str, list[MasterRow]]
) -> tuple[dict[str, int], list[MasterError]]:
    at = ""
    try:
        with database.transaction() as session:
            for name, file in files.items():
                if name in rows:
                    at = name
                    # Batches of woken orders are published by rescue: whoever loads needs no broker.
                    wake_orders(session, file.save(session, rows[name]) or (), datetime.now(UTC))
                    session.rows("select 1")  # what went wrong in this file surfaces here, not in the next one
    except (psycopg.IntegrityError, psycopg.DataError, ValueError) as error:
        said = error.diag.message_detail or error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return {}, [MasterError(f"{at}.csv", 0, "", said or str(error))]
    return {name: len(found) for name, found in rows.items()}, []
