"""Plays one story through the desk's own commands, each at its own moment; what lies in the future stays undone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from ombud.desk import aspects, cases, customers, intake, messages, people, support
from ombud.desk.aspects import Decision
from ombud.desk.colleagues import drafts
from ombud.desk.demo import given
from ombud.desk.demo import texts as demo_texts
from ombud.desk.demo.firm import TEAMS, Firm
from ombud.desk.demo.papers import picture
from ombud.desk.demo.people import plain_name
from ombud.desk.demo.story import Story, at_work, pick
from ombud.desk.outgoing import writing as outgoing
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.redress import granting, requests
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.support import Needs
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import links, throttle
from ombud.trust.policy import Viewer
from ombud_plugin_api.facts import Complaint, Document, Filed, PersonGiven, RawReceipt

_MOODS = ("calm", "tense", "tense", "upset", "upset", "angry")
_PRIORITIES = ("low", "normal", "normal", "normal", "high", "urgent")
_OUTCOMES = ("upheld", "upheld", "upheld", "partly_upheld", "partly_upheld", "not_upheld", "not_upheld")
_AT_THE_DESK = {"phone", "letter", "branch"}
PACE = {"modra-files": 2.2, "modra-cards": 0.6}  # a slow team and a quick one: so many times as long as the others


class NotYet(Exception):
    """The next step lies after the present moment."""


class Telling:
    """One case on its way; `at` is the moment of the next step."""

    def __init__(self, firm: Firm, story: Story, number: int, present: datetime) -> None:
        self.firm, self.story, self.number, self.present = firm, story, number, present
        self.rng = random.Random(story.seed)  # noqa: S311  a believable year, not a secret
        self.at = story.received_at
        self.owner = firm.staff[story.owner]
        self.leader = firm.staff["anna"]
        self.pace = PACE.get(story.unit, 1.0)
        self.filed: Filed | None = None
        self.person_id: UUID | None = None

    async def tell(self) -> Filed:
        """Plays the story to its end or to the present."""
        filed = await self._file()
        with suppress(NotYet):
            await self._work()
        return filed

    @contextmanager
    def _step(self, low: float, high: float) -> Iterator[None]:
        """Lets so many hours pass, to the next working hour, and sets the clock there."""
        self.at = at_work(self.at + timedelta(hours=self.rng.uniform(low, high) * self.pace), self.rng)
        if self.at >= self.present:
            raise NotYet
        with clock.at(self.at):
            yield

    @property
    def case_id(self) -> UUID:
        assert self.filed is not None
        return self.filed.case_id

    async def _file(self) -> Filed:
        story = self.story
        complaint = Complaint(
            channel=story.channel, person=story.person, matters=story.matters,
            summary=story.matters[0].title if len(story.matters) == 1 else "", received_at=story.received_at,
            unit=story.unit, case_type=story.case_type, fields=story.fields, documents=story.documents,
        )  # fmt: skip
        body = "\n\n".join(each.text for each in story.matters).encode()
        raw = RawReceipt(channel=story.channel, key=f"demo-{story.key}", content_type="text/plain", body=body)
        staff = self.owner.actor if story.channel in _AT_THE_DESK else ""
        self.at = story.received_at + story.recorded_after
        with clock.at(self.at):
            self.filed = await intake.file(raw, complaint, principal=staff, actor=staff)
        self.person_id = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", self.filed.case_id)
        if story.organisation:
            with clock.at(self.at):
                await people.change(self.firm.staff["ewa"], self.person_id, {"kind": "organisation"}, None)
        return self.filed

    async def _work(self) -> None:
        fate = self.story.fate
        if self.story.about_staff:
            await self._about_staff()
        if fate == "untouched" or (fate == "late" and self.number % 3 == 0):
            return
        await self._take()
        await self._talk()
        if self.story.missed:
            await self._miss()
        if fate == "late":
            await self._stall()
        if fate in {"working", "soon", "late"}:
            await self._leave_draft()
            await self._leave_unsent()
        else:
            await self._end()

    async def _end(self) -> None:
        fate = self.story.fate
        await self._decide(all_of_them=fate != "partly")
        if fate in {"partly", "resolved"}:
            return
        await self._close()
        if fate == "reopened":
            await self._reopen()
        elif fate == "returned":
            await self._come_back()

    async def _about_staff(self) -> None:
        """The last matter is about a member of staff, who from then on neither sees nor owns it."""
        with self._step(1, 3):
            identity = (await self._aspects())[-1]
            about = self.firm.staff[self.story.about_staff]
            await aspects.concern(self.leader, identity, about.user_id)

    async def _take(self) -> None:
        with self._step(2, 40):
            if self.owner is not self.leader and self.rng.random() < 0.3:
                await cases.assign(self.leader, self.case_id, self.owner.user_id)
            else:
                await cases.take(self.owner, self.case_id)
        with self._step(0.1, 0.5):
            severity = self.rng.choices((1, 2, 3, 4), (5, 5, 2, 1))[0]
            priority = "high" if severity > 2 else pick(self.rng, _PRIORITIES)
            seen = {"priority": priority, "severity": severity, "mood": pick(self.rng, _MOODS)}
            await cases.change(self.owner, self.case_id, seen, None)
        if severity > 2:
            with self._step(0.5, 4):
                await cases.change(self.leader, self.case_id, {"queue_id": self.firm.queues["modra-grave"]}, None)
        if self.story.secret:
            with self._step(0.2, 2):
                await cases.set_confidential(self.firm.staff["celia"], self.case_id, True, None)
        await self._give_aspects()

    async def _give_aspects(self) -> None:
        found = await self._aspects()
        if len(found) < 2 or self.story.about_staff or self.story.secret:
            return
        others = [name for name in TEAMS[self.story.unit] if name != self.story.owner]
        with self._step(0.2, 2):
            await aspects.assign(self.owner, found[0], self.owner.user_id)
            await aspects.change(self.owner, found[1], {"priority": "high", "severity": 2}, None)
            for place, identity in enumerate(found[1:]):
                other = self.firm.staff[others[(self.number + place) % len(others)]]
                await aspects.assign(self.leader, identity, other.user_id)

    async def _talk(self) -> None:
        """First answer, what is found out, what the complainant adds."""
        with self._step(0.2, 5):
            await self._answer(pick(self.rng, demo_texts.ACKNOWLEDGED))
        await self._companion()
        if self.story.support and not self.story.missed:
            await self._support()
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            await self._note()
        if self.rng.random() < 0.55:
            with self._step(3, 30):
                await self._answer(pick(self.rng, demo_texts.QUESTIONS))
            with self._step(10, 70):
                await self._hear(pick(self.rng, demo_texts.REPLIES), with_photo=self.rng.random() < 0.5)
        if self.number % 6 == 0:
            for _ in range(2 if self.number % 18 == 0 else 1):
                await self._another_matter()

    def _worded(self, text: str) -> str:
        assert self.filed is not None
        answer_by = self.filed.answer_by.strftime("%d %B").lstrip("0") if self.filed.answer_by else "soon"
        return text.format(name=self.story.person.name, reference=self.filed.reference, answer_by=answer_by)

    async def _answer(self, text: str) -> None:
        sent = Wanted(self._worded(text), at_once=True, key=self._key("answer"))
        await outgoing.write(self.owner, self.case_id, sent)

    async def _leave_unsent(self) -> None:
        """Some answers wait for a second person, and some for their day, as they do on any desk."""
        if self.number % 3:
            return
        with self._step(0.1, 0.4):
            words = self._worded(pick(self.rng, demo_texts.QUESTIONS))
            day = self.present + timedelta(days=1 + self.number % 4)
            waits = Wanted(words, ask=True) if self.number % 2 else Wanted(words, leave_at=day)
            await outgoing.write(self.owner, self.case_id, waits)

    async def _note(self) -> None:
        with self._step(2, 40):
            photo = self._photo("branch-note.png") if self.rng.random() < 0.12 else ()
            about = [self.rng.choice(await self._aspects())] if self.rng.random() < 0.5 else []
            await messages.write(
                self.owner, self.case_id, "note", pick(self.rng, demo_texts.NOTES), aspect_ids=about,
                key=self._key("note"), documents=photo,
            )  # fmt: skip

    async def _hear(self, text: str, *, with_photo: bool = False) -> None:
        """The complainant's words: by their own page where they have one, else told to the owner."""
        if self.story.channel in _AT_THE_DESK or with_photo:
            photo = self._photo("photo.png") if with_photo else ()
            await messages.write(
                self.owner, self.case_id, "told", text, key=self._key("told"), documents=photo,
            )  # fmt: skip
            return
        assert self.filed is not None
        token = self.filed.track_url.rpartition("/")[2]
        await customers.say(token, text, self._key("said"))
        await throttle.forget(f"say:{links.link_id_of(token)}")

    def _photo(self, name: str) -> tuple[Document, ...]:
        return (Document(name=name, content_type="image/png", data=picture(self.rng)),)

    def _key(self, kind: str) -> str:
        return f"demo-{kind}-{self.at:%Y%m%d%H%M%S}-{self.rng.randrange(10**6)}"

    async def _another_matter(self) -> None:
        text, title, category = demo_texts.LATER_MATTERS[self.rng.randrange(len(demo_texts.LATER_MATTERS))]
        with self._step(20, 60):
            await self._hear(text)
        with self._step(0.5, 6):
            await aspects.add(self.owner, self.case_id, text, title, category)

    async def _companion(self) -> None:
        """Somebody beside the complainant, in some cases."""
        place, rest = divmod(self.number, 7)
        if rest != 3:
            return
        name, kind, role, authority, days = demo_texts.COMPANIONS[place % len(demo_texts.COMPANIONS)]
        until: date | None = None if days is None else self.present.date() + timedelta(days=days)
        with self._step(0.5, 10):
            await people.add_party(
                self.owner, self.case_id, PersonGiven(name=name, email=f"{plain_name(name)}@example.org"), role,
                kind=kind, authority=authority, authority_until=until,
            )  # fmt: skip

    async def _support(self) -> None:
        circumstances, response, adjustments, basis = demo_texts.NEEDS[self.number % len(demo_texts.NEEDS)]
        review = self.present.date() + timedelta(days=90)
        assert self.person_id is not None
        with self._step(0.5, 10):
            needs = Needs(circumstances, response, adjustments, basis, review)
            await support.confirm(self.owner, self.case_id, self.person_id, needs)

    async def _miss(self) -> None:
        """Somebody told at once what they need, and nobody wrote it down for weeks; then they complained of that."""
        with self._step(15 * 24, 18 * 24):
            await self._hear(pick(self.rng, demo_texts.UNHEARD))
        with self._step(1, 20):
            await cases.change(self.owner, self.case_id, {"priority": "urgent", "mood": "upset"}, None)
        assert self.person_id is not None
        with self._step(0.1, 1):
            needs = Needs(True, True, *demo_texts.UNHEARD_NEEDS, self.present.date() + timedelta(days=30))
            await support.confirm(self.owner, self.case_id, self.person_id, needs)
        with self._step(0.1, 2):
            await messages.write(self.leader, self.case_id, "note", demo_texts.MISSED, key=self._key("note"))

    async def _stall(self) -> None:
        with self._step(20 * 24, 30 * 24):
            await self._hear(pick(self.rng, demo_texts.CHASERS))

    async def _leave_draft(self) -> None:
        if self.number % 5 == 0:
            with self._step(1, 5):
                started = {"kind": "reply", "text": f"Dear {self.story.person.name}, I have now read"}
                await drafts.keep(self.owner, self.case_id, drafts.for_message(self.person_id), started)

    async def _decide(self, *, all_of_them: bool) -> None:
        found = await self._aspects()
        apart = random.Random(f"{self.story.seed}/given")  # noqa: S311  the story itself stays as it was
        if self.number % 4 == 0:
            with self._step(0.1, 1):
                await given.claim(self.owner, found[0], apart, self._currency())
        last = len(found) if all_of_them else max(1, len(found) - 1)
        for identity in found[:last]:
            with self._step(24, 120):
                await aspects.decide_aspect(self._decider(), identity, self._decision(), None)
        if self.number % 11 == 0:
            await self._correct_redress(found[0])
        with self._step(1, 8):
            await given.second_person(self.leader, self.owner, self.case_id)
        if not all_of_them and self.number % 3 == 0 and not self.story.secret:
            with self._step(1, 8):
                await given.ask_for_more(self.firm, self.owner, found[0], self._currency())

    def _decider(self) -> Viewer:
        return self.owner if self.story.secret or self.story.about_staff or self.rng.random() < 0.85 else self.leader

    def _decision(self) -> Decision:
        category = self.story.category
        if self.story.fate == "withdrawn":
            return Decision("withdrawn", demo_texts.WITHDRAWN, "no_cause_found")
        outcome = pick(self.rng, _OUTCOMES)
        reasons = demo_texts.REASONS.get(category, demo_texts.REASONS[""])
        causes = demo_texts.CAUSES.get(category, demo_texts.CAUSES[""])
        cause = "no_cause_found" if outcome == "not_upheld" else pick(self.rng, causes)
        return Decision(outcome, reasons[outcome], cause, self._redress(outcome))

    def _redress(self, outcome: str) -> tuple[RedressGiven, ...]:
        if outcome == "not_upheld":
            return ()
        lines = [RedressGiven("apology", note="In the final answer.")] if self.rng.random() < 0.6 else []
        if self.rng.random() < 0.6:
            amount = Decimal(self.rng.choice((1500, 2000, 2500, 4000, 5000, 7350, 12000, 25000))) / 100
            lines.append(RedressGiven("money", amount, self._currency(), "For the cost and the trouble."))
        if self.rng.random() < 0.25:
            lines.append(RedressGiven("correction", note="Entry corrected, confirmation sent."))
        return tuple(lines)

    def _currency(self) -> str:
        return "PLN" if self.story.unit in {"modra-direct", "modra-cards"} else "EUR"

    async def _correct_redress(self, aspect_id: UUID) -> None:
        """A line given by mistake is reversed by another one."""
        with self._step(1, 5):
            line = RedressGiven("money", Decimal("50.00"), self._currency(), "Goodwill.")
            done = await granting.add_redress(self.owner, aspect_id, line)
        with self._step(1, 5):
            if done.waits:
                await requests.withdraw(self.owner, done.id, "Paid already with the first line.")
            else:
                await granting.reverse_redress(self.owner, aspect_id, done.id, "Paid already with the first line.")

    async def _close(self) -> None:
        with self._step(1, 20):
            await self._answer(await self._final_words())
        if self.rng.random() < 0.35 and self.story.fate != "withdrawn":
            with self._step(5, 40):
                await self._hear(pick(self.rng, demo_texts.THANKS))
        with self._step(4, 50):
            await cases.close(self.owner, self.case_id)
        if self.number % 3 == 0 and not self.story.secret and not self.story.about_staff:
            await self._pay_out()

    async def _pay_out(self) -> None:
        assert self.person_id is not None
        payee = (self.person_id, self.story.person.name)
        apart = random.Random(f"{self.story.seed}/paid")  # noqa: S311  the story itself stays as it was
        await given.pay_out(self._step, self.owner, self.leader, self.case_id, payee, apart)

    async def _final_words(self) -> str:
        rows = await db.fetch(
            "SELECT title, outcome, reason FROM core_aspect WHERE case_id = $1 ORDER BY position", self.case_id
        )
        parts = [
            f"{row['title']}: {demo_texts.OUTCOME_WORDS[row['outcome']].lower()}. {row['reason']}".replace("{", "{{")
            for row in rows
        ]
        matters = "\n\n".join(part.replace("}", "}}") for part in parts)
        return (
            f"Dear {{name}}, this is our answer to your complaint {{reference}}.\n\n{matters}\n\n"
            "If you see it differently, tell us. You may also turn to the ombudsman; the address is on our page."
        )

    async def _reopen(self) -> None:
        with self._step(4 * 24, 12 * 24):
            await messages.write(
                self.owner, self.case_id, "told", pick(self.rng, demo_texts.BACK_AGAIN), key=self._key("told"),
            )  # fmt: skip
        with self._step(2, 20):
            await cases.reopen(self.leader, self.case_id, pick(self.rng, demo_texts.REOPENED))
            await aspects.reopen(self.owner, (await self._aspects())[0], pick(self.rng, demo_texts.REOPENED))

    async def _come_back(self) -> None:
        """Reopened, decided anew and closed for good."""
        await self._reopen()
        with self._step(40, 120):
            money = RedressGiven("money", Decimal("35.00"), self._currency(), "The part that was missing.")
            decision = Decision("partly_upheld", demo_texts.RECONSIDERED, "system_fault", (money,))
            await aspects.decide_aspect(self.owner, (await self._aspects())[0], decision, None)
            await given.second_person(self.leader, self.owner, self.case_id)
        await self._close()

    async def _aspects(self) -> list[UUID]:
        rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", self.case_id)
        return [row["id"] for row in rows]
