"""A form as the browser sent it, and refusals of the desk laid beside its fields."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile

from ombud.desk.errors import Changed, DeskRefusal, Invalid, NotNow
from ombud_plugin_api.facts import Document

Req = Request[Any, Any, Any]
FIELDS = 500


class Given:
    """The parts of one form; what is missing, or is a file where text should be, reads as empty text."""

    def __init__(self, form: FormMultiDict) -> None:
        self._parts: dict[str, list[Any]] = {}
        for name, value in list(form.items())[:FIELDS]:
            self._parts.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return [each if isinstance(each, str) else "" for each in self._parts.get(name, [])]

    def parts(self) -> dict[str, list[str]]:
        return {name: self.all(name) for name in self._parts}

    def text(self, name: str, otherwise: str = "") -> str:
        values = self.all(name)
        return values[0] if values else otherwise

    def has(self, name: str) -> bool:
        return name in self._parts

    def ticked(self, name: str) -> bool:
        return self.text(name) in {"on", "true", "1", "yes"}

    def texts(self) -> dict[str, str]:
        """The first value of every part that is text."""
        return {name: values[0] for name, values in self._parts.items() if isinstance(values[0], str)}

    def version(self) -> int:
        """The version the writer saw; no change is taken without one."""
        number = self.text("version").strip()
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise Invalid("This form does not say which version it was made on. Open the page again.", "version")
        return int(number)

    def number(self, name: str) -> int | None:
        """None if it is no whole number; the desk then says what it wants."""
        text = self.text(name).strip()
        return int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 10 else None

    def identity(self, name: str) -> UUID | None:
        """None for the empty choice."""
        text = self.text(name).strip()
        return identity_of(text, name) if text else None

    def day(self, name: str) -> date | None:
        """None where it was left empty."""
        text = self.text(name).strip()
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None

    async def documents(self, name: str) -> list[Document]:
        """The files chosen under a name; an empty file box is none."""
        found = []
        for each in self._parts.get(name, []):
            if isinstance(each, UploadFile) and each.filename:
                found.append(Document(name=each.filename, content_type=each.content_type, data=await each.read()))
        return found


async def given(request: Req) -> Given:
    return Given(await request.form())


def identity_of(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("This choice is not known here. Open the page again.", name) from None


@dataclass(frozen=True)
class Refused:
    """What the desk refused, ready for a page: `errors` for the summary, `error_of` beside each field."""

    status: int
    errors: list[dict[str, str]] = field(default_factory=list)
    error_of: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return self.errors[0]["message"] if self.errors else ""


NOTHING_WRONG = Refused(200)
ON_A_FORM = (Invalid, NotNow, Changed)


def refused(problem: DeskRefusal, fields: dict[str, str] | None = None) -> Refused:
    """A refusal for the form that caused it; `fields` leads from the desk's names to those of the page."""
    if isinstance(problem, Changed):
        return Refused(409)
    at = problem.field if isinstance(problem, Invalid) else ""
    at = (fields or {}).get(at, at)
    message = str(problem)
    status = 422 if isinstance(problem, Invalid) else 409
    return Refused(status, [{"field": at, "message": message}], {at: message} if at else {})
