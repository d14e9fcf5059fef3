"""Settings: the only reader of the environment. Every limit of the system has its name and default here."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


def _address(example: str, *schemes: str) -> AfterValidator:
    """Empty, or a URL of one of these schemes with a port that can be one. What is said never shows the URL itself,
    which may hold a password.
    """

    def check(url: str) -> str:
        try:
            found = urlsplit(url)
            usable = not url or (found.scheme in schemes and found.port != 0)
        except ValueError:  # what stands for the host, or the port, is none
            usable = False
        if not usable:
            raise ValueError(f"it is not a URL such as {example}")
        return url

    return AfterValidator(check)


DatabaseUrl = Annotated[
    str, _address("postgresql://user:password@host:5432/name", "postgresql", "postgres", "postgresql+psycopg")
]
BrokerUrl = Annotated[str, _address("redis://host:6379/0", "redis", "rediss", "unix")]
MailUrl = Annotated[str, _address("smtp://user:password@host:25 or smtps://host:465", "smtp", "smtps")]


class Settings(BaseSettings):
    """Read from variables `ORDERFLOW_<NAME>`. Durations in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="ORDERFLOW_", frozen=True)

    home: Path = Field(Path(".orderflow"), description="folder of the embedded servers, logs and locks")
    database_url: DatabaseUrl = Field("", description="PostgreSQL; empty: the embedded server of `home`")
    broker_url: BrokerUrl = Field("", description="Valkey or Redis; empty: the embedded server of `home`")

    attempts: int = Field(5, ge=1, description="tries of one order's step before it becomes a dead letter")
    rescue_grace_seconds: float = Field(2.0, gt=0, description="a batch younger than this is never taken for lost")
    consumer_dead_seconds: float = Field(5.0, gt=0, description="a consumer silent for so long is taken for dead")
    scheduler_tick_seconds: float = Field(1.0, gt=0)
    deadlines_seconds: float = Field(60.0, gt=0, description="between two looks for what is to be purged or has lapsed")
    slow_duties_seconds: float = Field(3600.0, gt=0, description="between two duties that read all orders")
    anchor_seconds: float = Field(60.0, gt=0, description="how often the histories' growth is anchored")
    heartbeat_seconds: float = Field(5.0, gt=0)
    drain_seconds: float = Field(20.0, gt=0, description="how long a stopping worker may finish what it holds")

    statement_timeout_seconds: int = Field(30, gt=0)
    lock_timeout_seconds: int = Field(10, gt=0)
    transaction_timeout_seconds: int = Field(60, gt=0)

    intake_batch: int = Field(256, ge=1, le=2_000, description="submissions taken in one transaction")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="largest single submission or fact")
    max_body_depth: int = Field(32, ge=4, description="deepest nesting of JSON that is parsed at all")
    max_file_bytes: int = Field(200_000_000, ge=1_000, description="largest file that is imported")
    max_file_rows: int = Field(2_000_000, ge=1, description="most rows of one imported file")
    max_unpacked_bytes: int = Field(1_000_000_000, ge=1_000, description="largest XLSX file that is imported, unpacked")
    max_unpacked_ratio: int = Field(200, ge=2, description="and how many times its own size that may be")
    max_sheet_cells: int = Field(10_000_000, ge=1, description="most cells of an XLSX sheet, empty ones included")
    smtp_url: MailUrl = Field(
        "", description="smtp://user:password@host:port (or smtps://); empty: files in `home`/mail"
    )
    smtp_sender: str = Field("orderflow@localhost", description="the address that letters to customers come from")
    smtp_timeout_seconds: float = Field(20.0, gt=0)
    link_secret: str = Field("", description="signs customers' links; empty: a key in `home`, for one machine")
    letter_attempts: int = Field(8, ge=1, description="tries of one letter before it has failed")
    urge_pause_seconds: float = Field(4 * 3600.0, ge=0, description="a task is not urged again before so long")
    language: Literal["zh", "en"] = Field("en", description="of what the command line prints")
    events_kept: int = Field(100_000, ge=1_000, description="events kept on the outgoing stream")


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def settings_or_end() -> Settings:
    """The same, for a process that somebody supervises: where they cannot be used, it says why and ends."""
    try:
        return settings()
    except ValidationError as error:
        print("REFUSED", "; ".join(f"{variable}: {fault}" for variable, fault in faults(error)), flush=True)
        raise SystemExit(1) from error


def faults(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong with the settings: the variable (or `ORDERFLOW_*`), and why it cannot be used."""
    return [
        (
            f"ORDERFLOW_{each['loc'][0]}".upper() if each["loc"] else "ORDERFLOW_*",
            each["msg"].removeprefix("Value error, "),
        )
        for each in error.errors(include_input=False, include_url=False)
    ]
