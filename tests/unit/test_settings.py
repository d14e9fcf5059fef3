"""Settings that cannot be used are refused where they are read, in a sentence that shows no password."""

import pytest
from pydantic import ValidationError

from shared.settings import Settings, faults


def refused(name: str, url: str) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({name: url})
    return faults(refusal.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("smtp_url", "smtp://robot:s3cret@mail.example:port"),
        ("smtp_url", "smtp://robot:s3cret@mail.example:70000"),
        ("smtp_url", "smtp://robot:s3cret@mail.example:0"),
        ("smtp_url", "smtp://[s3cret"),
        ("smtp_url", "s3cret.mail.example:25"),
        ("broker_url", "http://:s3cret@broker:6379"),
        ("broker_url", "redis://:s3cret@broker:many"),
        ("database_url", "mysql://owner:s3cret@database/orderflow"),
        ("database_url", "postgresql://owner:s3cret@database:-1/orderflow"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_and_not_shown(name: str, url: str) -> None:
    [(variable, fault)] = refused(name, url)
    assert variable == f"ORDERFLOW_{name}".upper()
    assert fault.startswith("it is not a URL such as ")
    assert "s3cret" not in fault


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("smtp_url", "smtp://mail"),
        ("smtp_url", "smtps://robot:p%40ss@mail.example:65535"),
        ("broker_url", "redis://127.0.0.1:6379/0"),
        ("broker_url", "rediss://broker"),
        ("broker_url", ""),
        ("database_url", "postgresql+psycopg://orderflow@/orderflow?host=/tmp/socket"),
        ("database_url", "postgresql://owner:secret@database:5432/orderflow"),
    ],
)
def test_an_address_that_can_be_one_is_taken(name: str, url: str) -> None:
    assert getattr(Settings.model_validate({name: url}), name) == url
