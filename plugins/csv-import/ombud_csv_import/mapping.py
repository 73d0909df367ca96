"""Which column of a file becomes which field of a complaint, and how its dates and matters are read."""

import itertools
import re
from collections import abc
from dataclasses import asdict, dataclass, replace
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

import cerberus

from ombud_csv_import.dates import gives_a_day
from ombud_csv_import.reading import folded

FIELD_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,39}")
PERSON_FIELDS = ("person_name", "person_email", "person_phone", "person_postcode")
SINGLE_COLUMNS = ("external_id", "received_at", *PERSON_FIELDS, "narrative", "channel")
SEVERAL_COLUMNS = ("summary", "category", "composed", "matter_columns")


class MappingError(Exception):
    """A mapping that cannot be used; problems are sentences that name the remedy."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Mapping:
    """Columns by name; an empty name means the file has none. Several columns are joined in the order given.

    date_formats: strptime patterns, tried in order before ISO 8601 and the numeric dates that day_first decides.
    time_zone: holds for times without an offset; a date alone is that zone's midnight.
    composed: columns the text is made of where a row has no narrative.
    matter_columns: each non-empty cell is one matter; else matter_separator divides the narrative; else it is one.
    extra: (column, key of the case field). absent: cell values that say "nothing", besides the empty cell.
    absent_name: the complainant where no name is given; {id} stands for the external id or the line.
    channels: (value in the file, channel of Ombud); other values count as default_channel.
    """

    external_id: str = ""
    received_at: str = ""
    date_formats: tuple[str, ...] = ()
    day_first: bool = True
    time_zone: str = "UTC"
    person_name: str = ""
    person_email: str = ""
    person_phone: str = ""
    person_postcode: str = ""
    summary: tuple[str, ...] = ()
    narrative: str = ""
    composed: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    channel: str = ""
    channels: tuple[tuple[str, str], ...] = ()
    default_channel: str = "import"
    matter_columns: tuple[str, ...] = ()
    matter_separator: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    absent_name: str = "Name not given ({id})"

    def columns(self) -> tuple[str, ...]:
        """Every column the mapping speaks of, each once."""
        single = [cast(str, getattr(self, name)) for name in SINGLE_COLUMNS]
        several = [column for name in SEVERAL_COLUMNS for column in cast(tuple[str, ...], getattr(self, name))]
        extra = [column for column, _ in self.extra]
        return tuple(dict.fromkeys(column for column in (*single, *several, *extra) if column))

    def bound(self, header: abc.Sequence[str]) -> "Mapping":
        """The same mapping in the spelling of this header. Raises MappingError."""
        problems = self.problems(header)
        if problems:
            raise MappingError(problems)
        spelled = {folded(name): name for name in header}

        def spell(column: str) -> str:
            return spelled[folded(column)] if column else ""

        changes: dict[str, Any] = {name: spell(getattr(self, name)) for name in SINGLE_COLUMNS}
        for name in SEVERAL_COLUMNS:
            changes[name] = tuple(spell(column) for column in getattr(self, name))
        changes["extra"] = tuple((spell(column), key) for column, key in self.extra)
        return replace(self, **changes)

    def problems(self, header: abc.Sequence[str]) -> tuple[str, ...]:
        """What keeps this mapping from being used with a file of this header."""
        known = {folded(name) for name in header}
        missing = [column for column in self.columns() if folded(column) not in known]
        found = [f"The file has no column {column!r}. Choose another or leave the field empty." for column in missing]
        return (*found, *self._problems_alone())

    def _problems_alone(self) -> abc.Iterator[str]:
        if not (self.narrative or self.matter_columns or self.composed):
            yield "No column gives the text of the complaint. Choose at least one."
        if self.matter_separator and self.matter_columns:
            yield "Matters come from columns or from a separator, not from both. Clear one of them."
        if self.matter_separator and not self.narrative:
            yield "A separator of matters needs the column of the narrative. Choose it."
        if not _known_zone(self.time_zone):
            yield f"{self.time_zone!r} is no time zone. Choose one such as Europe/Warsaw."
        for pattern in self.date_formats:
            if not gives_a_day(pattern):
                yield f"The date format {pattern!r} does not tell a day. Write it like %d.%m.%Y."
        yield from self._problems_of_keys()

    def _problems_of_keys(self) -> abc.Iterator[str]:
        keys = [key for _, key in self.extra]
        for key in keys:
            if not FIELD_KEY.fullmatch(key):
                yield f"{key!r} cannot name a case field. Use small letters, digits and underscores."
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"Two columns go to the case field {key!r}. Name one of them differently."
        for channel in (self.default_channel, *(channel for _, channel in self.channels)):
            if not CHANNEL.fullmatch(channel):
                yield f"{channel!r} cannot name a channel. Use small letters, digits and dashes."

    def document(self) -> dict[str, Any]:
        """As JSON keeps it; read_mapping reads it back."""
        return {name: _listed(value) for name, value in asdict(self).items()}


def _known_zone(name: str) -> bool:
    return name in available_timezones() and bool(ZoneInfo(name))


def _listed(value: object) -> object:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


_COLUMN = {"type": "string", "maxlength": 200}
_COLUMNS = {"type": "list", "maxlength": 50, "schema": {"type": "string", "minlength": 1, "maxlength": 200}}
_PAIRS = {
    "type": "list",
    "maxlength": 200,
    "schema": {"type": "list", "minlength": 2, "maxlength": 2, "schema": {"type": "string", "maxlength": 200}},
}
SCHEMA: dict[str, dict[str, Any]] = {
    **dict.fromkeys(SINGLE_COLUMNS, _COLUMN),
    **dict.fromkeys(SEVERAL_COLUMNS, _COLUMNS),
    "date_formats": _COLUMNS,
    "absent": _COLUMNS,
    "day_first": {"type": "boolean"},
    "time_zone": _COLUMN,
    "channels": _PAIRS,
    "default_channel": _COLUMN,
    "matter_separator": {"type": "string", "maxlength": 40},
    "extra": _PAIRS,
    "absent_name": {"type": "string", "minlength": 1, "maxlength": 200},
}
"""The cerberus schema of a saved mapping."""


def read_mapping(document: abc.Mapping[str, Any]) -> Mapping:
    """A saved mapping. Raises MappingError; columns are checked later, against a header."""
    validator = cerberus.Validator(SCHEMA)
    if not validator.validate(dict(document)):
        raise MappingError(tuple(_sentences(validator.errors)))
    mapping = Mapping(**{name: _tupled(value) for name, value in document.items()})
    problems = tuple(mapping._problems_alone())
    if problems:
        raise MappingError(problems)
    return mapping


def _tupled(value: object) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def _sentences(errors: abc.Mapping[Any, Any]) -> abc.Iterator[str]:
    for name, faults in errors.items():
        yield f"{name}: {faults[0] if isinstance(faults[0], str) else 'one of its entries is not valid'}."


@dataclass(frozen=True, slots=True)
class _Clue:
    """Folded names that mean a field: the whole name first, then any name that contains one of the words."""

    whole: frozenset[str]
    words: tuple[str, ...] = ()


def _clue(whole: str, words: str = "") -> _Clue:
    return _Clue(frozenset(folded(name) for name in whole.split(",")), tuple(words.split()))


CLUES: dict[str, _Clue] = {
    "narrative": _clue(
        "narrative, text, complaint, description, message, body, details, complaint text, what happened, opis, treść,"
        "treść skargi, opis reklamacji, comment, comments",
        "narrative description message details opis treść",
    ),
    "external_id": _clue(
        "id, complaint id, case id, ticket id, reference, ref, case number, ticket, number, numer, nr, nr sprawy",
        "complaintid caseid ticketid reference caseno ticketno numersprawy",
    ),
    "received_at": _clue(
        "date received, received, received at, date, created, created at, opened, data, data wpływu, data zgłoszenia",
        "datereceived receivedat receivedon createdat datecreated datawpływu",
    ),
    "person_email": _clue("email, e-mail, mail, e-mail address", "email e-mail"),
    "person_name": _clue(
        "name, customer, customer name, full name, complainant, consumer, klient, imię i nazwisko",
        "customername fullname complainantname clientname nazwisko",
    ),
    "person_phone": _clue("phone, telephone, mobile, telefon, phone number", "phone telefon"),
    "person_postcode": _clue("postcode, post code, postal code, zip, zip code, kod pocztowy", "postcode zipcode"),
    "channel": _clue("channel, submitted via, source, kanał", "channel submittedvia"),
    "summary": _clue("summary, subject, title, issue, temat, tytuł", "subject summary temat"),
    "category": _clue("category, product, type, topic, kategoria, produkt", "category product kategoria"),
}


def guess(header: abc.Sequence[str]) -> Mapping:
    """A first proposal from the names of the columns, for a person to correct. Each column serves one field.

    Columns nobody claims become case fields. Without a column of text the proposal has problems(), on purpose.
    """
    free = {folded(name): name for name in header}
    chosen: dict[str, str] = {}
    for by_word in (False, True):
        for name, clue in CLUES.items():
            match = None if name in chosen else _match(clue, free, by_word)
            if match is not None:
                chosen[name] = free.pop(match)
    found: dict[str, Any] = {name: chosen.get(name, "") for name in SINGLE_COLUMNS}
    found |= {name: (chosen[name],) for name in ("summary", "category") if name in chosen}
    return Mapping(**found, extra=field_keys(tuple(free.values())))


def _match(clue: _Clue, free: abc.Mapping[str, str], by_word: bool) -> str | None:
    for name in free:
        if any(word in name for word in clue.words) if by_word else name in clue.whole:
            return name
    return None


def field_keys(columns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each column with the name of a case field of its own."""
    keys: dict[str, str] = {}
    for position, column in enumerate(columns, start=1):
        stem = field_key(column) or f"column_{position}"
        numbered = (f"{stem[:34]}_{number}" for number in itertools.count(2))
        keys[next(key for key in itertools.chain((stem,), numbered) if key not in keys)] = column
    return tuple((column, key) for key, column in keys.items())


def field_key(column: str) -> str:
    """'Timely response?' → 'timely_response'; empty where no letter of a to z is left."""
    key = re.sub(r"[^a-z0-9]+", "_", column.casefold()).strip("_")
    return key.lstrip("0123456789_")[:40].rstrip("_")
