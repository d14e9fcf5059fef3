"""Signed links by which a customer sees one order and no other (TRK-02): a token names the order and until when it
holds, and nobody who lacks the secret can make or change one. Pure, but for the secret.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from pathlib import Path

from shared.settings import Settings

_SECRET_BYTES = 32


class BadLink(Exception):
    """No token of ours, or one that has been changed."""


class Expired(Exception):
    """It was one of ours; its time is over."""


def token_of(secret: bytes, order: str, until: datetime) -> str:
    """The token by which that order may be seen until then."""
    said = f"{int(until.timestamp())}/{order}".encode()
    return f"{_text(said)}.{_text(_signature(secret, said))}"


def order_of(secret: bytes, token: str, now: datetime) -> str:
    """The number of the order that the token is for. Raises `BadLink` or `Expired`."""
    first, _, second = token.partition(".")
    said, signature = _bytes(first), _bytes(second)
    if not hmac.compare_digest(_signature(secret, said), signature) or token != f"{_text(said)}.{_text(signature)}":
        raise BadLink
    until, _, order = said.decode().partition("/")
    if now >= datetime.fromtimestamp(int(until), UTC):
        raise Expired
    return order


def secret_of(settings: Settings) -> bytes:
    """What tokens are signed with: of the settings, which several machines need, else of the home folder, made once."""
    if settings.link_secret:
        return settings.link_secret.encode()
    path = settings.home / "link.key"
    if not path.exists():
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Whole or not at all, and never over one that is there: who came first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_bytes(secrets.token_bytes(_SECRET_BYTES))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _signature(secret: bytes, said: bytes) -> bytes:
    return hmac.new(secret, b"orderflow.track\0" + said, hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadLink from error
