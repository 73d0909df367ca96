"""Made-up cases by the thousand: seeded, with people who come back, several aspects, talk, decisions and redress.

One chunk is made by itself from its own seed, so that any number of processes make the same desk.
"""

import gzip
import hashlib
import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar
from uuid import UUID

from asyncpg.pgproto import pgproto

from ombud.bench.ledger_lines import Stream
from ombud.bench.rows import Rows
from ombud.bench.world import ZONE, World
from ombud.desk import deadlines, references
from ombud.desk.demo.people import TONGUES, WEIGHTS, plain_name
from ombud.desk.demo.texts import NOTES, REPLIES
from ombud.desk.opening import moment, shortened
from ombud.desk.opening_rows import STEPS
from ombud.desk.words import CAUSES
from ombud.trust import keys
from ombud.trust.vault import sealed_row

T = TypeVar("T")
CHUNK = 1000
DAYS = 730  # how far back the oldest complaint lies
ANSWER_DAYS = 56
CATEGORIES = ("fees", "fraud", "delay", "information", "account_access", "collection", "interest", "service")
CHANNELS = ("form", "api", "desk")
OUTCOMES = ("upheld", "partly_upheld", "not_upheld")
MOODS = ("", "calm", "tense", "upset", "angry")
_LOW_BITS = 2**62 - 1
PRIORITIES = ("low", *["normal"] * 6, "high", "high", "urgent")


@cache
def sentences() -> tuple[str, ...]:
    """What customers wrote, sentence by sentence, from the public-domain narratives of the demonstration."""
    packed = files("ombud.desk.demo").joinpath("data/narratives.json.gz").read_bytes()
    texts = [matter["text"] for each in json.loads(gzip.decompress(packed)) for matter in each["matters"]]
    found = (part.strip() for text in texts for part in text.replace("\n", " ").split(". "))
    return tuple(dict.fromkeys(f"{part.rstrip('.')}." for part in found if 20 < len(part) < 300))


class _Dice(random.Random):
    """Draws from a seed, evenly enough for made-up cases and in a third of the time."""

    def choice(self, of: Sequence[T]) -> T:  # type: ignore[override]
        return of[int(self.random() * len(of))]

    def randint(self, a: int, b: int) -> int:
        return a + int(self.random() * (b - a + 1))


@dataclass
class _Person:
    id: UUID
    name: str
    email: str
    phone: str
    key: bytes


@dataclass
class _Case:
    """A case while it is made: what later steps need of the earlier ones."""

    id: UUID
    person: _Person
    stream: Stream
    received_at: datetime
    last_at: datetime
    aspects: list[UUID] = field(default_factory=list)
    last_channel: str = ""


class Maker:
    """Makes one chunk of cases into `rows`. `end`: the newest moment a complaint may have come in."""

    def __init__(self, seed: int, chunk: int, world: World, ring: keys.MasterKeys, end: datetime, prefix: str) -> None:
        self.rows = Rows()
        self._random = _Dice(f"{seed}/{chunk}")  # no secret, the same desk for the same seed
        self._world, self._end, self._prefix = world, end, prefix
        self._master_id, self._master = ring.current
        self._known: list[_Person] = []

    def make(self, first: int, count: int, total: int) -> Rows:
        """Cases number `first` to `first + count - 1` of `total`, the oldest first."""
        for number in range(first, first + count):
            self._case(number, total)
        return self.rows

    def _case(self, number: int, total: int) -> None:
        pick = self._random
        received_at = self._arrival(number / total)
        person = self._person(received_at)
        case_id = self._id(received_at)
        stream = Stream(self.rows, f"case/{case_id}", f"person/{person.id}", person.key)
        case = _Case(case_id, person, stream, received_at, received_at)
        team, agents = pick.choice(self._world.teams)
        queue = pick.choice(self._world.queues)
        state = self._state(received_at)
        owner = None if state == "new" else pick.choice(agents)
        facts = {"unit": team, "queue": queue, "owner": owner, "state": state}
        matters = [self._text(1, 4) for _ in range(pick.choice((1, 1, 1, 2, 2, 3, 4, 5)))]
        channel = pick.choice(CHANNELS)
        self._open(case, number, facts, matters, channel)
        if owner is not None:
            case.stream.add(self._after(case), "system", "case.assigned", {"owner": str(owner), "queue": str(queue)})
            case.stream.add(case.last_at, f"user/{owner}", "case.status_changed", {"status": "in_progress"})
        for _ in range(pick.randint(2, 7)):
            self._talk(case, owner)
        decided = self._decide(case, facts, matters)
        self._write_case(case, number, facts, matters, channel, decided)
        case.stream.end()

    def _arrival(self, part: float) -> datetime:
        """By day, more at the beginning of the week; in the order of the numbers."""
        start = self._end - timedelta(days=DAYS)
        day = start + timedelta(days=int(part * DAYS), seconds=self._random.uniform(0, 86_400))
        return min(day, self._end - timedelta(minutes=1))

    def _id(self, at: datetime) -> UUID:
        """A UUIDv7 of that moment, as a desk that ran then would have made."""
        chance = self._random.getrandbits(74)
        value = int(at.timestamp() * 1000) << 80 | 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & _LOW_BITS
        quick: UUID = pgproto.UUID(value.to_bytes(16, "big"))
        return quick

    def _text(self, fewest: int, most: int) -> str:
        return " ".join(self._random.choices(sentences(), k=self._random.randint(fewest, most)))

    def _person(self, at: datetime) -> _Person:
        pick = self._random
        if self._known and pick.random() < 0.12:
            return pick.choice(self._known)
        given, family = pick.choices(TONGUES, WEIGHTS)[0]
        names = pick.sample(given, 1 if pick.random() < 0.7 else 2)
        name = " ".join([*names, pick.choice(family)])
        identity = self._id(at)
        mail = f"{plain_name(name, '.')}.{identity.hex[-6:]}@example.org"
        person = _Person(identity, name, mail, f"+48 {pick.randint(500, 899)} {pick.randint(100000, 999999)}",
                         secrets.token_bytes(keys.SIZE))  # fmt: skip
        subject = f"person/{identity}"
        self.rows.add("core_key", subject, keys.wrap_subject(self._master, subject, person.key), self._master_id, at)
        self.rows.add("core_person", identity, "person", name, person.email, person.phone,
                      f"{pick.randint(10, 99)}-{pick.randint(100, 999)}", "", "en", at, 1)  # fmt: skip
        self._known = [*self._known[-199:], person]
        return person

    def _state(self, received_at: datetime) -> str:
        """The older, the likelier it is closed."""
        age = (self._end - received_at).days
        if age > 70:
            return "closed" if self._random.random() < 0.98 else "in_progress"
        roll = self._random.random() * 70
        if roll < age:
            return "closed" if self._random.random() < 0.8 else "resolved"
        return "new" if age < 7 and self._random.random() < 0.7 else "in_progress"

    def _after(self, case: _Case) -> datetime:
        """A later moment of the case, never after the end."""
        step = timedelta(hours=self._random.uniform(0.5, 90))
        case.last_at = min(case.last_at + step, self._end)
        return case.last_at

    def _open(self, case: _Case, number: int, facts: dict[str, Any], matters: list[str], channel: str) -> None:
        at, person, pick = case.received_at, case.person, self._random
        case.last_channel = channel
        case.aspects = [self._id(at) for _ in matters]
        message, party, raw, link = (self._id(at) for _ in range(4))
        body = "\n\n".join(f"{place}. {text}" for place, text in enumerate(matters, 1)) if matters[1:] else matters[0]
        self._receive(case, raw, message, body, channel)
        self.rows.add("core_party", party, case.id, person.id, "complainant", "", at)
        self.rows.add("core_link", link, case.id, person.id, "track", at, at + timedelta(days=365), "")
        self._message(case, message, "in", channel, body, at, raw, None, case.aspects)
        codes = [pick.choice(CATEGORIES) for _ in matters]
        facts |= {"categories": codes, "title": shortened(matters[0], 120)}
        due = moment(deadlines.due(at, ANSWER_DAYS, ZONE))
        opened = {
            "reference": references.make(number, self._prefix), "unit": str(facts["unit"]), "channel": channel,
            "status": "new", "case_type": "complaint", "priority": "normal", "owner": "", "queue": str(facts["queue"]),
            "received_at": moment(at), "due_at": due, "person": str(person.id), "party": str(party), "link": str(link),
            "aspects": [{"id": str(aspect), "position": place, "status": "open", "category": code}
                        for place, (aspect, code) in enumerate(zip(case.aspects, codes, strict=True), 1)],
            "confidential": False,
        }  # fmt: skip
        free = {"person.name": person.name, "person.email": person.email, "person.phone": person.phone}
        free |= {"title": facts["title"], **{f"matter.{place}": text for place, text in enumerate(matters, 1)}}
        actor, cause = f"person/{person.id}", f"command/{raw}"
        case.stream.add(at, actor, "case.opened", opened, free, cause)
        said = {"message": str(message), "channel": channel, "direction": "in", "decision": "complaint",
                "aspects": [str(each) for each in case.aspects]}  # fmt: skip
        case.stream.add(at, actor, "message.received", said, {"body": body}, cause)

    def _receive(self, case: _Case, raw: UUID, message: UUID, body: str, channel: str) -> None:
        at, data = case.received_at, body.encode()
        kept = sealed_row(f"person/{case.person.id}", data, case.person.key)
        self.rows.add("core_vault", kept.id, kept.subject, kept.box.wrapped, kept.box.nonce, kept.box.ciphertext,
                      kept.size, at)  # fmt: skip
        print_of = hashlib.sha256(b"text/plain\n" + data).hexdigest()
        self.rows.add("core_raw", raw, channel, f"load/{raw}", "", print_of, "text/plain", kept.id, at, "done", "",
                      case.id, message)  # fmt: skip
        for step in STEPS:
            self.rows.add("core_intake_step", self._id(at), raw, step, "done", 1, "", at)

    def _message(
        self, case: _Case, identity: UUID, direction: str, channel: str, text: str, at: datetime, raw: UUID | None,
        author: UUID | None, about: list[UUID],
    ) -> None:  # fmt: skip
        decided = ("complaint", "filed as a complaint", "system", at) if raw else ("", "", "", None)
        speaker = case.person.id if author is None else None
        self.rows.add("core_message", identity, case.id, speaker, author, raw, channel, direction, "", text, at, at, "",
                      *decided)  # fmt: skip
        for aspect in about:
            self.rows.add("core_message_aspect", self._id(at), identity, aspect)
        if direction != "note":
            case.last_channel = channel

    def _talk(self, case: _Case, owner: UUID | None) -> None:
        """The customer, or whoever owns the case, adds something."""
        pick, at = self._random, self._after(case)
        staff = owner is not None and pick.random() < 0.6
        direction = pick.choice(("out", "note")) if staff else "in"
        text = {"out": self._text(1, 4), "note": pick.choice(NOTES), "in": pick.choice(REPLIES)}[direction]
        about = pick.sample(case.aspects, k=pick.randint(0, min(2, len(case.aspects))))
        identity, author = self._id(at), owner if staff else None
        channel = "desk" if staff else "link"
        self._message(case, identity, direction, channel, text, at, None, author, about)
        kind = {"in": "message.received", "out": "message.sent", "note": "note.written"}[direction]
        body = {"message": str(identity), "channel": channel, "direction": direction,
                "aspects": [str(each) for each in about], "documents": 0}  # fmt: skip
        case.stream.add(at, f"user/{author}" if author else f"person/{case.person.id}", kind, body, {"body": text})

    def _decide(self, case: _Case, facts: dict[str, Any], matters: list[str]) -> int:
        """Writes the aspects; in a resolved or closed case each has its outcome. Returns how many are decided."""
        pick, owner = self._random, facts["owner"]
        ended = facts["state"] in {"resolved", "closed"}
        due = deadlines.due(case.received_at, ANSWER_DAYS, ZONE)
        for place, (aspect, text) in enumerate(zip(case.aspects, matters, strict=True), 1):
            outcome, reason, cause, at = "", "", "", None
            if ended:
                outcome, reason, cause, at = (
                    pick.choice(OUTCOMES),
                    self._text(1, 2),
                    pick.choice(CAUSES),
                    self._after(case),
                )
                lines = self._redress(case, aspect, owner, at) if outcome != "not_upheld" else []
                body = {"aspect": str(aspect), "outcome": outcome, "status": "closed", "cause": cause, "redress": lines}
                case.stream.add(at, f"user/{owner}", "aspect.decided", body, {"reason": reason})
            self.rows.add(
                "core_aspect", aspect, case.id, place, shortened(text, 80), text, facts["categories"][place - 1],
                "closed" if ended else "open", "normal", 1, None, None, outcome, reason, cause, due, at,
                owner if ended else None, 1,
            )  # fmt: skip
        if ended:
            for status in ("resolved", "closed")[: 2 if facts["state"] == "closed" else 1]:
                case.stream.add(self._after(case), f"user/{owner}", "case.status_changed", {"status": status})
        return len(matters) if ended else 0

    def _redress(self, case: _Case, aspect: UUID, owner: UUID, at: datetime) -> list[dict[str, Any]]:
        line, amount = self._id(at), Decimal(self._random.randint(500, 90_000)) / 100
        self.rows.add("core_redress", line, case.id, aspect, "money", amount, "PLN", "", at, owner)
        return [{"line": str(line), "kind": "money", "amount": f"{amount:f}", "currency": "PLN"}]

    def _write_case(
        self, case: _Case, number: int, facts: dict[str, Any], matters: list[str], channel: str, decided: int
    ) -> None:
        pick, at, state = self._random, case.received_at, facts["state"]
        priority, severity, mood = pick.choice(PRIORITIES), pick.choice((1, 1, 1, 2, 2, 3, 4)), pick.choice(MOODS)
        if priority != "normal":
            case.stream.add(case.last_at, f"user/{facts['owner']}" if facts["owner"] else "system", "case.changed",
                            {"priority": priority})  # fmt: skip
        if severity != 1 or mood:
            case.stream.add(case.last_at, "system", "case.changed", {"severity": severity, "mood": mood})
        self.rows.add(
            "core_case", case.id, references.make(number, self._prefix), facts["unit"], "complaint", facts["title"],
            state, priority, severity, facts["owner"], facts["queue"], channel, "en", False, at,
            deadlines.received_on(at, ZONE), at, deadlines.due(at, ANSWER_DAYS, ZONE), case.last_at,
            case.last_at if state == "closed" else None, "{}", len(matters), decided, mood, case.last_at,
            case.last_channel, True, 1 + decided,  # no clocks: starting them all is no part of what is measured
        )  # fmt: skip
