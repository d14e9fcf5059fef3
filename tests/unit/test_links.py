"""Tokens by which a customer sees one order: nobody makes, changes or prolongs one without the secret."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.links import BadLink, Expired, order_of, secret_of, token_of
from shared.settings import Settings

SECRET = b"s" * 32
NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=90)
ORDER = "SO-20260615-000001"
SECOND = timedelta(seconds=1)


def test_it_shows_its_order_until_its_time_is_over() -> None:
    token = token_of(SECRET, ORDER, UNTIL)
    assert order_of(SECRET, token, NOW) == order_of(SECRET, token, UNTIL - SECOND) == ORDER
    with pytest.raises(Expired):
        order_of(SECRET, token, UNTIL)
    assert token.isascii()
    assert not set(token) & set("+/=?&# ")  # it stands in an address as it is


@pytest.mark.requirement("TRK-02")
@given(place=st.integers(0, 200), letter=st.characters(codec="utf-8"))
def test_whatever_is_changed_makes_it_worthless(place: int, letter: str) -> None:
    token = token_of(SECRET, ORDER, UNTIL)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(BadLink):
            order_of(SECRET, changed, NOW)


@pytest.mark.requirement("TRK-02")
@given(text=st.text(max_size=80))
def test_what_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(BadLink):
        order_of(SECRET, text, NOW)


@pytest.mark.requirement("TRK-02")
def test_another_secret_another_company() -> None:
    with pytest.raises(BadLink):
        order_of(b"t" * 32, token_of(SECRET, ORDER, UNTIL), NOW)


def test_the_parts_of_two_tokens_do_not_go_together() -> None:
    one, other = token_of(SECRET, ORDER, UNTIL), token_of(SECRET, "SO-20260615-000002", UNTIL)
    with pytest.raises(BadLink):
        order_of(SECRET, f"{one.partition('.')[0]}.{other.partition('.')[2]}", NOW)


def test_the_secret_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    found: list[bytes] = []
    askers = [threading.Thread(target=lambda: found.append(secret_of(settings))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len({*found}) == 1
    assert len(found[0]) == 32
    (key,) = (tmp_path / "home").iterdir()
    assert key.stat().st_mode & 0o077 == 0
    assert secret_of(Settings(home=tmp_path, link_secret="x" * 32)) == b"x" * 32
