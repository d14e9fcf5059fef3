"""JSON from files: a line for each order or fact, or one document that is an object or an array of them."""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.settings import Settings
from workers.intake.compose import lines_named
from workers.intake.parse import Submission
from workers.intake.sheets import FileRefused, check_size

LINES, DOCUMENTS = (".jsonl", ".ndjson"), (".json",)
_CHUNK = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds. `lines`: how many lines that is in all, 0 where nobody knows yet."""

    lines: int
    submissions: Iterator[Submission]


def open_json(path: Path, settings: Settings) -> Contents:
    """Open a file of JSON lines, or one that holds a JSON object or an array of them: orders or facts, as they came."""
    check_size(path, settings)
    suffix = path.suffix.lower()
    if suffix in LINES:
        return Contents(_count_lines(path, settings), _lines_of(path, settings))
    if suffix in DOCUMENTS:
        found = _elements(path, settings)
        return Contents(sum(each.lines for each in found), iter(found))
    raise FileRefused(f"{path.name}: files of JSON end in {', '.join((*LINES, *DOCUMENTS))}.")


def json_lines(stream: BinaryIO, name: str, settings: Settings) -> Iterator[Submission]:
    """One submission per line; of a line that is too long only as much is kept as shows that it is."""
    most = settings.max_body_bytes + 1
    line = count = 0
    while start := stream.readline(most):
        line += 1
        rest = start
        while len(rest) == most and not rest.endswith(b"\n"):
            rest = stream.readline(most)
        raw = (start.removeprefix(codecs.BOM_UTF8) if line == 1 else start).strip()
        if not raw:
            continue
        count += 1
        if count > settings.max_file_rows:
            raise FileRefused(f"{name} has more than {settings.max_file_rows} lines, which is the most that is taken.")
        yield Submission(raw, f"{name} line {line}")


def _lines_of(path: Path, settings: Settings) -> Iterator[Submission]:
    with path.open("rb") as stream:
        yield from json_lines(stream, path.name, settings)


def _count_lines(path: Path, settings: Settings) -> int:
    """Before anything is taken: a file with too many is refused whole."""
    with path.open("rb") as stream:
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(_CHUNK), b""))
    if count > settings.max_file_rows:
        raise FileRefused(f"{path.name} has {count} lines; at most {settings.max_file_rows} are taken.")
    return count


def _elements(path: Path, settings: Settings) -> list[Submission]:
    """The object that the file is, or those of its array, each with the bytes that stand there."""
    found: list[Submission] = []
    line, counted = 1, 0
    try:
        text = path.read_text(encoding="utf-8-sig")
        for start, end in _spans(text):
            line, counted = line + text.count("\n", counted, start), start
            through = range(line, line + text.count("\n", start, end) + 1)
            found.append(Submission(text[start:end].encode(), f"{path.name} {lines_named(through)}", len(through)))
    except UnicodeDecodeError as error:
        raise FileRefused(f"{path.name} is not UTF-8: {error.reason} at byte {error.start}.") from error
    except RecursionError as error:
        raise FileRefused(f"{path.name} is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise FileRefused(
            f"{path.name} line {error.lineno} column {error.colno}: {error.msg}. It must hold one object or one array;"
            f" a file with an object on each line ends in {LINES[0]}."
        ) from error
    if len(found) > settings.max_file_rows:
        raise FileRefused(f"{path.name} holds {len(found)} objects; at most {settings.max_file_rows} are taken.")
    return found


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each object begins and ends. Raises json.JSONDecodeError."""
    at = _after_blanks(text, 0)
    if text.startswith("[", at):
        at = _after_blanks(text, at + 1)
        more = not text.startswith("]", at)
        while more:
            _, end = _DECODER.raw_decode(text, at)
            yield at, end
            at = _after_blanks(text, end)
            more = text.startswith(",", at)
            at = _after_blanks(text, at + more)
        if not text.startswith("]", at):
            raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        end = at + 1
    else:
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
    end = _after_blanks(text, end)
    if end < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
