"""A mail server that tests decide the answers of: real sockets, as much of SMTP as a client needs."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import SMTP


@dataclass
class Post:
    """What arrived, and how the server answers: `say` gives the answer to a command (MAIL, RCPT, DATA, "." for the end
    of a letter); None hangs up without one.
    """

    url: str = ""
    letters: list[Message] = field(default_factory=list)
    say: Callable[[str], str | None] = lambda _command: "250 ok"

    def bodies(self) -> list[str]:
        """As the recipients read them."""
        return [letter.get_payload(decode=True).decode().replace("\r\n", "\n") for letter in self.letters]  # type: ignore[union-attr]


class _Conversation(socketserver.StreamRequestHandler):
    post: Post

    def handle(self) -> None:
        self._answer("220 ready")
        for raw in self.rfile:
            command = raw.decode().strip().upper()[:4]
            if command in ("EHLO", "HELO", "QUIT", "RSET"):
                self._answer("250 ok")
                continue
            said = self.post.say(command)
            if said is None:
                return
            if command != "DATA" or not said.startswith("250"):
                self._answer(said)
                continue
            self._answer("354 go on")
            letter = self._letter()
            said = self.post.say(".")
            if said is None or said.startswith("250"):
                self.post.letters.append(message_from_bytes(letter, policy=SMTP))
            if said is None:
                return
            self._answer(said)

    def _letter(self) -> bytes:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _answer(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def post_office() -> Iterator[Post]:
    """A server on a free port of this machine, for as long as the block lasts."""
    post = Post()

    class Conversation(_Conversation):
        pass

    Conversation.post = post
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        post.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield post
        server.shutdown()
