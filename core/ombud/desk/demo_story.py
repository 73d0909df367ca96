"""The demonstration firm's year as a plan: who complained of what, when, and how far it came. Pure and seeded."""

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ombud.desk.demo_texts import FIRST_NAMES, LAST_NAMES
from ombud_plugin_api.facts import Document, Matter, PersonGiven

SEED = 20261123
ZONE = ZoneInfo("Europe/Warsaw")
_DATA = Path(__file__).with_name("demo_data") / "narratives.json.gz"

# fate, how many, and how many days ago it was received: from (youngest) to (oldest); "term" counts from the due day
FATES = (
    ("untouched", 7, 0.1, 2.5),
    ("working", 14, 4, 12),
    ("partly", 6, 16, 27),
    ("resolved", 4, 20, 29),
    ("reopened", 4, 42, 64),
    ("returned", 3, 100, 300),
    ("withdrawn", 3, 30, 340),
    ("soon", 6, -2.2, -0.4),
    ("late", 7, 1, 18),
)
_ANY_HOUR = {"web", "email", "api"}
BY_TERM = {"soon", "late"}
_SUPPORT = {"247346", "350626", "634644", "299106", "0b0805fc9c0b"}
_SECRET = {"71585": "working", "b654bee1a731": "closed"}
_ABOUT_STAFF = {"580750": "working", "728571": "closed"}
_CHANNELS = (("web", 36), ("email", 26), ("phone", 20), ("letter", 10), ("api", 5), ("branch", 3))


class Narrative(msgspec.Struct, frozen=True):
    """A published complaint narrative with our titles; see `demo_data/README.md`."""

    id: str
    product: str
    unit: str
    category: str
    matters: list[dict[str, str]]


@dataclass(frozen=True)
class Story:
    """One complaint. `recorded_after`: how long the letter lay before somebody filed it."""

    narrative: Narrative
    person: PersonGiven
    channel: str
    received_at: datetime
    recorded_after: timedelta
    unit: str
    case_type: str
    fields: dict[str, Any]
    documents: tuple[Document, ...]
    fate: str
    owner: str
    support: bool
    secret: bool
    about_staff: str
    seed: int

    @property
    def matters(self) -> tuple[Matter, ...]:
        return tuple(
            Matter(text=each["text"], title=each["title"], category=self.narrative.category)
            for each in self.narrative.matters
        )


@cache
def narratives() -> tuple[Narrative, ...]:
    return tuple(msgspec.json.decode(gzip.decompress(_DATA.read_bytes()), type=list[Narrative]))


def plan(moment: datetime, desk_days: int) -> list[Story]:
    """The stories of the year before `moment`, oldest first; `desk_days` is the desk's own term in calendar days."""
    rng = Random(SEED)  # noqa: S311  a believable year, not a secret
    fates = _fates(rng)
    stories = [_story(rng, number, each, fates[each.id], moment, desk_days) for number, each in enumerate(narratives())]
    return sorted(stories, key=lambda story: story.received_at + story.recorded_after)


def _fates(rng: Random) -> dict[str, str]:
    """What becomes of each narrative; those with several matters are among the partly decided ones."""
    given = {**_SECRET, **_ABOUT_STAFF, "777604": "untouched"}
    free = [each for each in narratives() if each.id not in given]
    rng.shuffle(free)
    free.sort(key=lambda each: len(each.matters) < 2)
    several, single = [each for each in free if len(each.matters) > 1], [each for each in free if len(each.matters) < 2]
    for fate, many, _, _ in FATES:
        source = several if fate == "partly" else single
        for each in source[:many]:
            given[each.id] = fate
        del source[:many]
        if fate in {"working", "reopened", "late", "soon"} and several:
            given[several.pop().id] = fate
    return given | {each.id: "closed" for each in (*several, *single)}


def _story(rng: Random, number: int, narrative: Narrative, fate: str, moment: datetime, desk_days: int) -> Story:
    case_type, fields = _type_of(rng, narrative)
    days = {"modra_card": 15, "modra_arrears": 30}.get(case_type, desk_days)
    channel = rng.choices([name for name, _ in _CHANNELS], [weight for _, weight in _CHANNELS])[0]
    lay = timedelta(days=rng.choice((1, 2, 3)), hours=2) if channel == "letter" and fate != "untouched" else timedelta()
    received = _received(rng, fate, channel, moment, days)
    about_staff = {"580750": "piotr", "728571": "ewa"}.get(narrative.id, "")
    return Story(
        narrative=narrative, person=_person(rng, number), channel=channel, received_at=received,
        recorded_after=min(lay, moment - received - timedelta(minutes=5)), unit=_unit_of(narrative),
        case_type=case_type, fields=fields, documents=_documents(rng, narrative, channel), fate=fate,
        owner={"piotr": "ewa", "ewa": "piotr"}.get(about_staff) or rng.choice(("ewa", "ewa", "piotr", "piotr", "anna")),
        support=narrative.id in _SUPPORT, secret=narrative.id in _SECRET, about_staff=about_staff,
        seed=rng.getrandbits(32),
    )  # fmt: skip


def _received(rng: Random, fate: str, channel: str, moment: datetime, days: int) -> datetime:
    youngest, oldest = next(((low, high) for name, _, low, high in FATES if name == fate), (34, 362))
    ago = rng.uniform(youngest, oldest) + (days if fate in BY_TERM else 0)
    received = moment - timedelta(days=ago)
    if channel in _ANY_HOUR or fate == "untouched":
        return received.replace(microsecond=0)
    return _in_hours_before(received, rng)


def _in_hours_before(at: datetime, rng: Random) -> datetime:
    """The moment itself in the firm's hours, else a morning before it."""
    local = at.astimezone(ZONE)
    if local.hour >= 17:
        local = _morning(local.date(), rng)
    elif local.hour < 8:
        local = _morning(local.date() - timedelta(days=1), rng)
    while local.weekday() > 4:
        local = _morning(local.date() - timedelta(days=1), rng)
    return local.astimezone(UTC).replace(microsecond=0)


def at_work(at: datetime, rng: Random) -> datetime:
    """The moment itself in the firm's working hours, else a moment of the next working day."""
    local = at.astimezone(ZONE)
    if local.hour < 8:
        local = _morning(local.date(), rng)
    elif local.hour >= 17:
        local = _morning(local.date() + timedelta(days=1), rng)
    while local.weekday() > 4:
        local = _morning(local.date() + timedelta(days=1), rng)
    return local.astimezone(UTC).replace(microsecond=0)


def _morning(day: date, rng: Random) -> datetime:
    return datetime.combine(day, time(8 + rng.randrange(3), rng.randrange(60), rng.randrange(60)), ZONE)


def _person(rng: Random, number: int) -> PersonGiven:
    """Nobody of this name ever complained; the address can belong to nobody (RFC 2606)."""
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    last = LAST_NAMES[(number * 7 + number // len(FIRST_NAMES)) % len(LAST_NAMES)]
    plain = f"{first}.{last}".lower().translate(str.maketrans("ąćęłńóśźż", "acelnoszz"))
    reachable = rng.random()
    return PersonGiven(
        name=f"{first} {last}",
        email=f"{plain}@example.org" if reachable < 0.92 else "",
        phone=f"+48 500 555 {number:03d}" if reachable > 0.3 else "",
        postcode=f"{rng.randrange(10, 99)}-{rng.randrange(100, 999)}" if rng.random() > 0.2 else "",
    )


def _unit_of(narrative: Narrative) -> str:
    return f"modra-{narrative.unit}"


def _type_of(rng: Random, narrative: Narrative) -> tuple[str, dict[str, Any]]:
    if narrative.unit == "home":
        return "modra_loan", {
            "contract": f"MH-{rng.randrange(100000, 999999)}", "years_left": rng.randrange(1, 29),
            "in_arrears": narrative.category == "collection",
        }  # fmt: skip
    if narrative.unit == "collections":
        return "modra_arrears", {
            "file_number": f"MP/{rng.randrange(1000, 9999)}",
            "stage": rng.choice(("reminder", "reminder", "agreement", "court")),
        }
    if narrative.category in {"fraud", "payments"}:
        return "modra_card", {
            "card_ending": f"{rng.randrange(10000):04d}",
            "disputed_amount": f"{rng.randrange(20, 900)}.{rng.choice(('00', '50', '99'))}",
            "card_blocked": narrative.category == "fraud",
        }
    return "complaint", {}


def _documents(rng: Random, narrative: Narrative, channel: str) -> tuple[Document, ...]:
    if channel == "letter":
        return (Document(name="letter-scan.png", content_type="image/png", data=picture(rng)),)
    if channel in {"web", "email"} and rng.random() < 0.3:
        text = f"Statement, extract\nFile of complaint {narrative.id}\n" + "".join(
            f"{day:02d}  transfer  {rng.randrange(5, 500)}.00\n" for day in sorted(rng.sample(range(1, 28), 5))
        )
        return (Document(name="statement.txt", content_type="text/plain", data=text.encode()),)
    return ()


def picture(rng: Random, width: int = 120, height: int = 160) -> bytes:
    """A PNG that looks like a page from afar: pale paper with dark lines of different lengths."""
    lines = [rng.randrange(40, width - 10) for _ in range(height // 10)]
    rows = bytearray()
    for y in range(height):
        inked = lines[y // 10] if 3 <= y % 10 <= 5 and 1 <= y // 10 < len(lines) - 1 else 0
        rows += b"\x00" + b"\xf4" * 10 + b"\x55" * max(0, inked - 10) + b"\xf4" * (width - max(10, inked))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pick(rng: Random, texts: Sequence[str]) -> str:
    return texts[rng.randrange(len(texts))]
