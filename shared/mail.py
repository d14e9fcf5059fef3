"""Sending one letter by SMTP, or into a folder where there is no mail server, and what came of it: the only place that
talks to a mail server.
"""

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit


class NotSent(Exception):
    """It did not leave, for certain; trying again may help."""


class Rejected(Exception):
    """It did not leave, and will not however often it is tried: the server refused it for good."""


class Uncertain(Exception):
    """The connection was lost after the text had gone out: the server may have taken it or not."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter as it goes out. `papers`: the names and contents of the PDF files that are attached."""

    id: str
    recipient: str
    subject: str
    body: str
    at: datetime
    papers: tuple[tuple[str, bytes], ...] = ()


class Outlet(Protocol):
    """Where letters leave the house."""

    @property
    def name(self) -> str:
        """As it is kept with each letter that left by it."""

    def send(self, mail: Mail) -> None:
        """Raises `NotSent`, `Rejected` or `Uncertain`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where there is no mail server: letters become `.eml` files, which any mail program opens. A letter keeps its
    name, so that none is there twice.
    """

    path: Path
    sender: str

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.path)

    def send(self, mail: Mail) -> None:
        """Write the file whole or not at all. Raises `NotSent` or `Rejected`."""
        text = _text(self.sender, mail)
        target = self.path / f"{mail.at:%Y%m%d-%H%M%S}-{mail.id}.eml"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            written = target.with_suffix(".part")
            written.write_bytes(text)
            written.replace(target)
        except OSError as error:
            raise NotSent(repr(error)) from error


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where to send from. `url`: smtp://user:password@host:port, or smtps:// for TLS from the first byte."""

    url: str
    sender: str
    timeout_seconds: float

    @property
    def name(self) -> str:
        """The server, without what it is told in confidence."""
        at = urlsplit(self.url)
        return f"{at.scheme}://{at.hostname}" + (f":{at.port}" if at.port else "")

    def send(self, mail: Mail) -> None:
        """Hand one letter to the server. Raises `NotSent`, `Rejected` or `Uncertain`."""
        text = _text(self.sender, mail)
        server = self._ready(mail.recipient)
        try:
            code, said = server.data(text)
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise Uncertain(repr(error)) from error
        finally:
            _hang_up(server)
        if code != 250:
            raise _refused(code, said)

    def _ready(self, recipient: str) -> smtplib.SMTP:
        """Connected, and told of sender and recipient: nothing of the letter has gone out yet."""
        server = None
        try:
            server = self._connect(urlsplit(self.url))
            for code, said in (server.mail(self.sender), server.rcpt(recipient)):
                if code not in (250, 251):
                    raise _refused(code, said)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            if server:
                _hang_up(server)
            raise NotSent(repr(error)) from error
        except (NotSent, Rejected):
            _hang_up(server)
            raise
        return server

    def _connect(self, at: SplitResult) -> smtplib.SMTP:
        host, context = at.hostname or "localhost", ssl.create_default_context()
        server: smtplib.SMTP
        if at.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, at.port or 465, timeout=self.timeout_seconds, context=context)
        else:
            server = smtplib.SMTP(host, at.port or 25, timeout=self.timeout_seconds)
        server.ehlo_or_helo_if_needed()
        if at.scheme != "smtps" and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        if at.username:
            server.login(unquote(at.username), unquote(at.password or ""))
        return server


def _text(sender: str, mail: Mail) -> bytes:
    try:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, mail.recipient, mail.subject
        message["Date"] = format_datetime(mail.at)
        message["Message-ID"] = f"<{mail.id}@orderflow>"  # the same whenever the same letter is sent
        message.set_content(mail.body)
        for name, content in mail.papers:
            message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        return message.as_bytes(policy=SMTP)
    except (ValueError, UnicodeError, MessageError) as error:
        raise Rejected(f"it cannot be put into a message: {error}") from error


def _refused(code: int, said: bytes | str) -> NotSent | Rejected:
    words = f"{code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    return Rejected(words) if code >= 500 else NotSent(words)


def _hang_up(server: smtplib.SMTP | None) -> None:
    if server:
        server.close()
