"""What the pages' forms say, read with care: dates, choices, files."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from litestar.datastructures import UploadFile


class Sent(NamedTuple):
    """A file as it was sent."""

    name: str
    data: bytes


def text(form: Any, name: str, longest: int = 200) -> str:
    return "".join(sign for sign in str(form.get(name) or "") if sign.isprintable()).strip()[:longest]


def words(form: Any, name: str, longest: int = 100_000) -> str:
    """Of several lines."""
    given = str(form.get(name) or "").replace("\r\n", "\n").replace("\x00", "")
    return given.strip()[:longest]


def day(form: Any, name: str) -> date | None:
    try:
        return date.fromisoformat(str(form.get(name) or "").strip())
    except ValueError:
        return None


def ids(form: Any, name: str) -> list[UUID]:
    """Those of the ticked rows that are ids, each once."""
    found: list[UUID] = []
    for each in form.getall(name, []):
        try:
            identity = UUID(str(each))
        except ValueError:
            continue
        if identity not in found:
            found.append(identity)
    return found


async def files(form: Any, name: str, largest: int) -> list[Sent]:
    """Each cut one byte beyond what may be, so that a caller sees that it is too large without holding all of it."""
    found = []
    for each in form.getall(name, []):
        if isinstance(each, UploadFile) and each.filename:
            found.append(Sent(file_name(each.filename), await each.read(largest + 1)))
    return found


def file_name(name: str) -> str:
    last = name.rpartition("/")[2].rpartition("\\")[2]
    return "".join(sign for sign in last if sign.isprintable())[-120:].strip() or "file"


class Problem(NamedTuple):
    """What is wrong with a form; the page puts it into words: `code` is a key of the texts' `refusals`."""

    field: str
    code: str
    about: dict[str, Any]


def problem(field: str, code: str, **about: Any) -> Problem:
    return Problem(field, code, {"about": "", **about})
