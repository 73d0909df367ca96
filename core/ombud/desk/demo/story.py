"""The demonstration firm's year as a plan: who complained of what, when, and how far it came. Pure and seeded.

Three things are planted for pages that count: a product launch of Modra Direct that went wrong some four months ago, a
team that is slow all year (`demo_telling.PACE`), and customers whose illness nobody wrote down.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ombud.desk.demo import papers as demo_papers
from ombud.desk.demo import people as demo_people
from ombud.desk.demo import texts as demo_texts
from ombud.desk.demo.firm import TEAMS
from ombud_plugin_api.facts import Document, Matter, PersonGiven

SEED = 20261123
ZONE = ZoneInfo("Europe/Warsaw")
_DATA = Path(__file__).with_name("data") / "narratives.json.gz"

# fate, how many, and how many days ago it was received: from (youngest) to (oldest); "term" counts from the due day
FATES = (
    ("untouched", 18, 0.1, 3.5),
    ("working", 44, 4, 12),
    ("partly", 16, 16, 27),
    ("resolved", 9, 20, 29),
    ("reopened", 10, 42, 64),
    ("returned", 9, 100, 300),
    ("withdrawn", 14, 30, 340),
    ("soon", 14, -2.2, -0.4),
    ("late", 18, 1, 18),
)
_YEAR = (34, 362)  # days ago in which closed complaints were received
_ANY_HOUR = {"web", "email", "api"}
BY_TERM = {"soon", "late"}
_SUPPORT = {"350626", "634644", "299106", "0b0805fc9c0b"}
_MISSED = {"247346": "late", "529400": "late", "270184": "closed", "139538": "closed", "749227": "closed"}
_SECRET = {"71585": "working", "b654bee1a731": "closed"}
_ABOUT_STAFF = {"580750": ("working", "piotr"), "728571": ("closed", "ewa")}
_SHY = 0.012  # share of the other cases that are kept confidential
_QUIET = {"working", "soon", "late", "closed"}  # fates in which nobody but the owner has a part
_CHANNELS = (("web", 36), ("email", 26), ("phone", 20), ("letter", 10), ("api", 5), ("branch", 3))
_FURTHER = (70, 18, 7, 3, 2)  # how often 0, 1, 2, 3, 4 matters beside the first
_BACK = 48  # people who come with a second complaint

# A weekday's share, Monday first; a month's, January first: bills after the holidays, quiet in summer.
_WEEKDAYS = (1.5, 1.25, 1.1, 1.0, 0.9, 0.45, 0.4)
_MONTHS = (1.4, 1.1, 1.05, 1.0, 0.95, 0.9, 0.75, 0.7, 1.05, 1.1, 1.2, 0.9)
_HOURS = (1, 1, 0, 0, 0, 1, 2, 5, 9, 12, 12, 10, 8, 8, 8, 8, 8, 7, 7, 9, 10, 8, 5, 2)

LAUNCH = (118, 146)  # days ago: the month after Modra Direct brought out its new account
_LAUNCH_UNITS = {"modra-direct", "modra-cards"}
_LAUNCH_CATEGORIES = {"promotions", "fees", "payments", "account_access", "account_closing"}
_TERMS = {"modra_card": 15, "modra_arrears": 30, "modra_file": 30}


class Narrative(msgspec.Struct, frozen=True):
    """A published complaint narrative with our titles; see `data/README.md`."""

    id: str
    product: str
    unit: str
    category: str
    matters: list[dict[str, str]]


@dataclass(frozen=True)
class Story:
    """One complaint. `recorded_after`: how long the letter lay before somebody filed it."""

    key: str
    category: str
    matters: tuple[Matter, ...]
    person: PersonGiven
    organisation: bool
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
    missed: bool
    secret: bool
    about_staff: str
    seed: int


@cache
def narratives() -> tuple[Narrative, ...]:
    return tuple(msgspec.json.decode(gzip.decompress(_DATA.read_bytes()), type=list[Narrative]))


def plan(moment: datetime, desk_days: int) -> list[Story]:
    """The stories of the year before `moment`, oldest first; `desk_days` is the desk's own term in calendar days."""
    rng = Random(SEED)  # noqa: S311  a believable year, not a secret
    writer = _Writer(rng, moment, desk_days)
    fates = _fates(rng)
    stories = [writer.story(number, each, fates[each.id]) for number, each in enumerate(narratives())]
    stories += writer.second_complaints(stories)
    return sorted(stories, key=lambda story: story.received_at + story.recorded_after)


def _fates(rng: Random) -> dict[str, str]:
    """What becomes of each narrative."""
    given = {**_SECRET, **_MISSED, **{each: fate for each, (fate, _) in _ABOUT_STAFF.items()}, "777604": "untouched"}
    free = [each.id for each in narratives() if each.id not in given]
    rng.shuffle(free)
    for fate, many, _, _ in FATES:
        given |= dict.fromkeys(free[:many], fate)
        del free[:many]
    return given | dict.fromkeys(free, "closed")


class _Writer:
    """Draws every part of a story, always in the same order, so that the same seed makes the same year."""

    def __init__(self, rng: Random, moment: datetime, desk_days: int) -> None:
        self.rng, self.moment, self.desk_days = rng, moment, desk_days
        self.names: set[str] = set()
        self.days = _days_of(moment)

    def story(self, number: int, narrative: Narrative, fate: str) -> Story:
        rng = self.rng
        unit = f"modra-{narrative.unit}"
        case_type, fields = _type_of(rng, unit, narrative.category)
        channel = rng.choices([name for name, _ in _CHANNELS], [weight for _, weight in _CHANNELS])[0]
        received, lay = self._received(fate, channel, case_type, unit, narrative.category)
        organisation = number % 41 == 7
        person = demo_people.organisation if organisation else self._person
        owner, about = self._owner(narrative, unit)
        return Story(
            key=narrative.id, category=narrative.category, matters=self._matters(narrative, fate, about),
            person=person(rng, number), organisation=organisation, channel=channel, received_at=received,
            recorded_after=lay, unit=unit, case_type=case_type, fields=fields,
            documents=demo_papers.sent_with(rng, channel, narrative.id), fate=fate, owner=owner,
            support=narrative.id in _SUPPORT or rng.random() < 0.05, missed=narrative.id in _MISSED,
            secret=narrative.id in _SECRET or (rng.random() < _SHY and not about and fate in _QUIET), about_staff=about,
            seed=rng.getrandbits(32),
        )  # fmt: skip

    def _person(self, rng: Random, number: int) -> PersonGiven:
        return demo_people.somebody(rng, number, self.names)

    def _owner(self, narrative: Narrative, unit: str) -> tuple[str, str]:
        """Who works on it, and about whom it is, who is never the same."""
        team = TEAMS[unit]
        _, about = _ABOUT_STAFF.get(narrative.id, ("", ""))
        if not about and narrative.category == "staff":
            about = self.rng.choice([each for each in team if each != "anna"])
        return self.rng.choice([each for each in team if each != about]), about

    def _matters(self, narrative: Narrative, fate: str, about: str) -> tuple[Matter, ...]:
        first = [
            Matter(text=each["text"], title=each["title"], category=narrative.category) for each in narrative.matters
        ]
        more = self.rng.choices(range(5), _FURTHER)[0]
        if fate == "partly" and len(first) == 1:
            more = max(more, 1)
        if about:
            more = 0  # the last matter is the one about a member of staff
        chosen = self.rng.sample(demo_texts.FURTHER_MATTERS, min(more, 5 - len(first)))
        return (*first, *(Matter(text=text, title=title, category=category) for text, title, category in chosen))

    def second_complaints(self, stories: Sequence[Story]) -> list[Story]:
        """Of people whose first complaint was closed long ago."""
        oldest = self.moment - timedelta(days=130)
        closed = [each for each in stories if each.fate == "closed" and each.received_at < oldest]
        chosen = self.rng.sample([each for each in closed if not each.secret and not each.about_staff], _BACK)
        return [self._second(number, each) for number, each in enumerate(chosen)]

    def _second(self, number: int, first: Story) -> Story:
        rng = self.rng
        text, title, category = demo_texts.SECOND_COMPLAINTS[number % len(demo_texts.SECOND_COMPLAINTS)]
        fate = rng.choices(("closed", "working", "late", "untouched"), (68, 16, 10, 6))[0]
        received, lay = self._received(fate, first.channel, first.case_type, first.unit, "")
        if fate == "closed":
            between = rng.uniform(60, (self.moment - first.received_at).days - 34)
            received = _in_hours_before(first.received_at + timedelta(days=between), rng)
        return replace(
            first, key=f"again-{number:02d}", category=category, fate=fate, received_at=received, recorded_after=lay,
            matters=(Matter(text=text, title=title, category=category),), documents=(), support=False, missed=False,
            seed=rng.getrandbits(32),
        )  # fmt: skip

    def _received(
        self, fate: str, channel: str, case_type: str, unit: str, category: str
    ) -> tuple[datetime, timedelta]:
        """When it arrived, and how long it lay before somebody recorded it."""
        rng = self.rng
        days = _TERMS.get(case_type, self.desk_days)
        youngest, oldest = next(((low, high) for name, _, low, high in FATES if name == fate), _YEAR)
        ago = rng.uniform(youngest, oldest) + (days if fate in BY_TERM else 0)
        received = (self.moment - timedelta(days=ago)).replace(microsecond=0)
        if fate == "closed":
            launched = unit in _LAUNCH_UNITS and category in _LAUNCH_CATEGORIES and rng.random() < 0.75
            received = self._some_day(LAUNCH if launched else _YEAR)
        if channel not in _ANY_HOUR and fate != "untouched":
            received = _in_hours_before(received, rng)
        lay = timedelta()
        if channel == "letter" and fate != "untouched":
            lay = timedelta(days=rng.choice((1, 2, 3)), hours=2)
        return received, max(timedelta(), min(lay, self.moment - received - timedelta(minutes=5)))

    def _some_day(self, between: tuple[int, int]) -> datetime:
        days = [(day, weight) for ago, day, weight in self.days if between[0] <= ago <= between[1]]
        day = self.rng.choices([each for each, _ in days], [weight for _, weight in days])[0]
        hour = self.rng.choices(range(24), _HOURS)[0]
        at = datetime.combine(day, time(hour, self.rng.randrange(60), self.rng.randrange(60)), ZONE)
        return at.astimezone(UTC)


def _days_of(moment: datetime) -> list[tuple[int, date, float]]:
    """Each day of the year with its share of the complaints."""
    today = moment.astimezone(ZONE).date()
    days = [(ago, today - timedelta(days=ago)) for ago in range(_YEAR[0], _YEAR[1] + 1)]
    return [(ago, day, _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1]) for ago, day in days]


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


def _type_of(rng: Random, unit: str, category: str) -> tuple[str, dict[str, Any]]:
    if unit in {"modra-home", "modra-loans"}:
        return "modra_loan", {
            "contract": f"MH-{rng.randrange(100000, 999999)}", "years_left": rng.randrange(1, 29),
            "in_arrears": category == "collection",
        }  # fmt: skip
    if unit == "modra-collections":
        return "modra_arrears", {
            "file_number": f"MP/{rng.randrange(1000, 9999)}",
            "stage": rng.choice(("reminder", "reminder", "agreement", "court")),
        }
    if unit == "modra-files":
        source = rng.choice(("lender", "lender", "agency", "court", "unknown"))
        return "modra_file", {"entry": f"R{rng.randrange(10000, 99999)}", "source": source, "copy_sent": False}
    if unit == "modra-cards":
        return "modra_card", {
            "card_ending": f"{rng.randrange(10000):04d}",
            "disputed_amount": f"{rng.randrange(20, 900)}.{rng.choice(('00', '50', '99'))}",
            "card_blocked": category == "fraud",
        }
    return "complaint", {}


def pick(rng: Random, texts: Sequence[str]) -> str:
    return texts[rng.randrange(len(texts))]
