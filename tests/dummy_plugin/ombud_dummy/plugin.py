"""Implements every hook, once each."""

import argparse
import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from msgspec import structs

import ombud_plugin_api as api
from ombud_dummy.tables import Note
from ombud_plugin_api import hookimpl


class Letterbox:
    key = "dummy"
    label = "Letterbox"
    icon = "mail"

    def parse(self, raw: api.RawReceipt) -> api.Complaint:
        try:
            said = json.loads(raw.body)
        except ValueError:
            raise api.Permanent("this is not a letter; look at the bytes") from None
        return api.Complaint(
            channel=self.key, person=api.PersonGiven(name=said["name"]), matters=(api.Matter(text=said["text"]),)
        )


class Wire:
    """A channel that fetches: what lies on the wire is handed over, and read as a message of whoever it names."""

    key = "dummy-wire"
    label = "Wire"
    icon = "plug"
    every_seconds = 30
    limit_seconds = 20.0
    lies: list[bytes] = []

    def parse(self, raw: api.RawReceipt) -> api.InboundMessage:
        try:
            said = json.loads(raw.body)
        except ValueError:
            raise api.Permanent("this is no message of the wire; look at the bytes") from None
        plain = {
            "channel": self.key,
            "sender": {"name": said["name"], "email": said.get("email", "")},
            "text": said["text"],
            "thread": {name: said[name] for name in ("id", "answers", "addresses") if name in said},
        }
        return msgspec.convert({**plain, **said.get("more", {})}, api.InboundMessage)

    async def poll(self, context: api.Context) -> None:
        while self.lies:
            data = self.lies[0]
            key = hashlib.sha256(data).hexdigest()
            await context.platform.receive(api.RawReceipt(channel=self.key, key=key, content_type="", body=data))
            self.lies.pop(0)


class Line:
    """How the wire behaves that takes messages out; tests change it."""

    says: str = "fine"


SENT: dict[str, api.OutboundMessage] = {}
"""What went out by the wire, by key."""


HANDED: list[str] = []
"""The keys it was handed, in order, whatever became of them."""


async def send(message: api.OutboundMessage, key: str, context: api.Context) -> api.Receipt:
    HANDED.append(key)
    match Line.says:
        case "hang":
            await asyncio.sleep(120)
        case "raise":
            raise RuntimeError("the dummy fails on purpose")
        case "away":
            raise api.Transient("the wire is away on purpose")
        case "refuse":
            raise api.Permanent("the wire knows no such place")
        case "misconfigured":
            raise api.Misconfigured("the wire has no name")
    SENT[key] = message
    if Line.says == "dies after writing":
        raise RuntimeError("the dummy dies on purpose, after it sent")
    return api.Receipt(state="unsure" if Line.says == "unsure" else "sent", remote_id=f"wire-{len(SENT)}")


async def sent_already(key: str, context: api.Context) -> api.Receipt | None:
    return api.Receipt(state="sent") if key in SENT else None


def heat(words: api.CustomerWords) -> list[api.Finding]:
    """Capitals are loud."""
    loud = words.text.isupper()
    return [api.Finding(kind="mood", value={"mood": "angry" if loud else "calm", "score": "-0.9" if loud else "0"})]


@get("/public", opt={"public": True})
async def public_page(pages: api.Pages) -> Any:
    return await pages.show("dummy/page.html", told="")


@post("/public", opt={"public": True})
async def public_post(pages: api.Pages) -> Any:
    return await pages.show("dummy/page.html", told="Thank you")


@get("/secret", opt={"permission": "dummy.look"})
async def secret_page() -> str:
    return "for those who may look"


@get("/hang", opt={"public": True})
async def hanging_page() -> str:
    await asyncio.sleep(60)
    return "never"


@get("/fail", opt={"public": True})
async def failing_page() -> str:
    raise RuntimeError("the dummy fails on purpose")


async def beside_the_case(case: api.CaseView, context: api.Context) -> Mapping[str, Any] | None:
    if case.title == "hide":
        return None
    if case.title == "fail":
        raise RuntimeError("the dummy fails on purpose")
    return {
        "reference": case.reference, "viewer": context.viewer_name, "greeting": context.settings["greeting"],
    }  # fmt: skip


async def later_beside_the_case(case: api.CaseView, context: api.Context) -> Mapping[str, Any] | None:
    ASKED.append("lazy slot")
    return await beside_the_case(case, context)


ASKED: list[Any] = []
"""What the customer system was asked, in order; tests read it."""

TOLD: dict[str, api.ClosedCase] = {}
"""What it was told, by key."""


class Mood:
    """How the customer system behaves; tests change it."""

    says: str = "fine"
    people: tuple[api.PersonMatch, ...] = ()
    age: timedelta = timedelta(0)


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def find(hints: api.PersonHints, context: api.Context) -> Any:
    ASKED.append(hints)
    match Mood.says:
        case "hang":
            await asyncio.sleep(60)
        case "raise":
            raise RuntimeError("the dummy fails on purpose")
        case "away":
            raise api.Transient("the customer system is away on purpose")
        case "misconfigured":
            raise api.Misconfigured("the customer system knows no such client")
        case "rubbish":
            return [{"id": 7}]
        case "unused":
            return None
    same = [each for each in Mood.people if hints.email and each.email == hints.email]
    return [structs.replace(each, evidence=("email",)) for each in same]


async def history(person: api.PersonMatch, context: api.Context) -> Any:
    ASKED.append(person)
    if Mood.says == "huge":
        return [datum(f"Account {n}", "x" * 10_000) for n in range(5_000)]
    return [
        datum(f"Account of {person.id}", "open"),
        datum("Phone", "0700 900 555", kind="contact", shows="phone"),
        datum("Called us", "about the fee", kind="talk", at=NOON, href="https://crm.example/calls/1"),
        datum("Bad link", "", kind="fact", href="javascript:alert(1)"),
    ]


def datum(label: str, value: str, kind: str = "account", **more: Any) -> api.Datum:
    return api.Datum(
        kind=kind, label=label, value=value, source="Dummy book", fetched_at=datetime.now(UTC) - Mood.age, **more
    )


async def record(case: api.ClosedCase, key: str, context: api.Context) -> Any:
    """The same key again replaces what it wrote: as a good customer system does it."""
    ASKED.append(key)
    if Mood.says == "away":
        raise api.Transient("the customer system is away on purpose")
    TOLD[key] = case
    if Mood.says == "dies after writing":
        raise RuntimeError("the dummy dies on purpose, after it wrote")
    return {"made": 7} if Mood.says == "rubbish" else api.Recorded(id="D-1", href="https://crm.example/cases/D-1")


DEMO: list[str] = []


async def load_demo(people: Sequence[api.DemoPerson], context: api.Context) -> None:
    DEMO[:] = [each.name for each in people]


async def remove_demo(context: api.Context) -> None:
    DEMO.clear()


async def count(payload: Mapping[str, Any], context: api.Context) -> None:
    done = int(context.state.get("done", 0))
    while done < payload["to"]:
        done += 1
        await context.save({"done": done})
        await context.progress(done, payload["to"], "counting")
        if payload.get("sleep_at") == done and context.state.get("slept") is None:
            await context.save({"done": done, "slept": True})
            await asyncio.sleep(30)
        if payload.get("fail_at") == done and context.state.get("failed") is None:
            await context.save({"done": done, "failed": True})
            raise api.Transient("the dummy pauses on purpose")


async def tick(payload: Mapping[str, Any], context: api.Context) -> None:
    ASKED.append(("tick", dict(payload)))


async def greet(arguments: argparse.Namespace, context: api.Context) -> int:
    await context.progress(1, 1, "greeting")
    print(f"Hello {arguments.name}")
    return 0


SETTINGS: dict[str, dict[str, Any]] = {
    "greeting": {
        "type": "string", "maxlength": 200, "default": "Hello",
        "meta": {"label": "Greeting", "help": "Words above the page.", "multiline": True},
    },
    "address": {
        "type": "string", "required": True, "default": "mail.example.org", "regex": "[a-z.]+",
        "meta": {"label": "Server", "group": "Connection", "placeholder": "mail.example.org"},
    },
    "password": {"type": "string", "meta": {"label": "Password", "secret": True, "group": "Connection"}},
    "hours": {
        "type": "integer", "min": 1, "max": 72, "default": 24,
        "meta": {"label": "Answers within", "suffix": "hours"},
    },
    "limit": {
        "type": "decimal", "min": 0, "max": Decimal("99.95"), "nullable": True,
        "meta": {"label": "Limit", "help": "Empty means none.", "suffix": "EUR"},
    },
    "since": {"type": "date", "nullable": True, "meta": {"label": "Since"}},
    "polite": {"type": "boolean", "default": True, "meta": {"label": "Polite"}},
    "tone": {
        "type": "string", "allowed": ["warm", "plain"], "default": "warm",
        "meta": {"label": "Tone", "choices": {"plain": "Plain and short"}},
    },
    "days": {
        "type": "list", "allowed": ["mon", "tue", "wed"], "default": ["mon"],
        "meta": {"label": "Open on", "choices": {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday"}},
    },
    "hosts": {
        "type": "list", "maxlength": 3, "schema": {"type": "string", "regex": "[a-z.]+"},
        "meta": {"label": "Hosts", "scope": "deployment"},
    },
}  # fmt: skip


async def try_out(candidate: Mapping[str, Any], context: api.Context) -> api.Tried:
    """The address says what it does."""
    said = f"{candidate['address']} took {candidate['password']} from {context.viewer_name}"
    match candidate["address"]:
        case "hang":
            await asyncio.sleep(30)
        case "raise":
            raise RuntimeError(said)
        case "misconfigured":
            raise api.Misconfigured(f"{said}: ask who runs the server")
        case "rubbish":
            return {"ok": True, "said": said}  # type: ignore[return-value]
        case "refuse":
            return api.Tried(False, f"{said} and refused. Check the name.", "address")
    return api.Tried(True, f"{said}.")


@hookimpl
def provide_settings(manifest: api.Manifest) -> list[api.Settings]:
    return [api.Settings(SETTINGS, try_out)]


@hookimpl
def provide_permissions(manifest: api.Manifest) -> list[api.Permission]:
    return [api.Permission("dummy.look", "Look at the dummy", ("leader",))]


@hookimpl
def provide_navigation(manifest: api.Manifest) -> list[api.NavItem]:
    return [api.NavItem("Dummy", "secret", "puzzle", "dummy.look")]


@hookimpl
def provide_pages(manifest: api.Manifest) -> list[Any]:
    return [public_page, public_post, secret_page, hanging_page, failing_page]


@hookimpl
def provide_slots(manifest: api.Manifest) -> list[api.Fill]:
    return [
        api.Fill("case.side", "dummy/side.html", beside_the_case),
        api.Fill("case.side", "dummy/side.html", later_beside_the_case, lazy=True),
    ]


@hookimpl
def provide_crms() -> list[api.Crm]:
    in_use = lambda settings: settings["tone"] == "warm"  # noqa: E731
    return [api.Crm("dummy", "Dummy book", find, history, record, in_use=in_use)]


@hookimpl
def provide_demo_data() -> list[api.DemoData]:
    return [api.DemoData(load_demo, remove_demo)]


@hookimpl
def provide_channels(manifest: api.Manifest) -> list[api.Channel]:
    return [Letterbox(), Wire()]


@hookimpl
def provide_deliverers(manifest: api.Manifest) -> list[api.Deliverer]:
    return [api.Deliverer("dummy-wire", "Wire", "plug", "email", send, sent_already)]


@hookimpl
def provide_sentiment_scorers(manifest: api.Manifest) -> list[api.SentimentScorer]:
    return [api.SentimentScorer("dummy", "Loudness", "1", ("en",), heat)]


def long_open(facts: api.CaseFacts, args: Mapping[str, Any]) -> bool:
    if args["days"] == 13:
        raise RuntimeError("the dummy fails on purpose")
    if args["days"] == 14:
        time.sleep(60)
    return facts.at - facts.received_at >= timedelta(days=args["days"])


def hurry(facts: api.CaseFacts, args: Mapping[str, Any]) -> list[api.Change]:
    return [api.SetPriority(priority="urgent"), api.AddTag(tag=args["tag"])]


@hookimpl
def provide_conditions(manifest: api.Manifest) -> list[api.Condition]:
    days = {"type": "integer", "min": 0, "max": 400, "required": True, "meta": {"label": "Days"}}
    words = lambda args: f"the dummy finds it older than {args['days']} days"  # noqa: E731
    return [api.Condition("dummy.old", "Old for the dummy", {"days": days}, long_open, words, reads=("received_at",))]


@hookimpl
def provide_actions(manifest: api.Manifest) -> list[api.Action]:
    tag = {"type": "string", "required": True, "regex": "[a-z]+", "meta": {"label": "Tag"}}
    return [api.Action("dummy.hurry", "Hurry", {"tag": tag}, hurry, lambda args: f"hurry and tag it {args['tag']}")]


def nearest(case: api.CaseFacts, choices: Sequence[api.Choice]) -> list[api.Proposal]:
    """Whoever has the skill `dummy`; nothing else."""
    return [api.Proposal(choice=each.id, score=0.9, reason="Has it.") for each in choices if "dummy" in each.skills]


@hookimpl
def provide_routers(manifest: api.Manifest) -> list[api.Router]:
    return [api.Router("dummy", "Dummy", "1", nearest)]


class Watch:
    """How the dummy's deadlines behave; tests change it."""

    says: str = "fine"
    hours: int = 8


def due(facts: api.CaseFacts, calendar: api.WorkingTime, settings: Mapping[str, Any]) -> Any:
    match Watch.says:
        case "raise":
            raise RuntimeError("the dummy fails on purpose")
        case "rubbish":
            return [{"clock": "tea"}]
        case "nothing":
            return []
        case "both":
            return [api.Deadline(clock="tea", label="Tea", met_by="reply", days=1, working=timedelta(hours=1))]
    if Watch.says == "recorded":  # how long it takes is what was written down last
        took = facts.recorded.get("dummy.brewed", {}).get("hours", Watch.hours)
        return [
            api.Deadline(clock="tea", label="Tea", met_by="reply", working=timedelta(hours=took), policy=f"h{took}")
        ]
    hours = timedelta(hours=Watch.hours)
    return [api.Deadline(clock="tea", label="Tea", met_by="reply", working=hours, warn_at=(50,), policy=facts.priority)]


@hookimpl
def provide_deadlines(manifest: api.Manifest) -> list[api.Deadlines]:
    return [api.Deadlines("dummy", "Tea time", due)]


OMBUDSMAN = api.ResponsePart(
    "right", "Right to go to the dummy ombudsman", "Rule 1",
    {"en": ("refer* … dummy ombudsman",), "pl": ("do … rzecznik*",)}, rights=True,
    example={"en": "You can refer your complaint to the dummy ombudsman."},
)  # fmt: skip
ACCEPTED = api.ResponsePart("settled", "That it is settled", "Rule 3", {"en": ("settled",), "pl": ("załatwion*",)})
LEAFLET = api.ResponseLeaflet("leaflet", "The leaflet", "Rule 2", ("leaflet",), ("dummy.example/leaflet",))


@hookimpl
def provide_response_requirements(manifest: api.Manifest) -> list[api.ResponseRequirement]:
    return [
        api.ResponseRequirement("dummy", "Dummy office", (OMBUDSMAN,), (LEAFLET,), provenance="secondary"),
        api.ResponseRequirement("dummy", "Dummy office", (ACCEPTED,), letter="settled", letter_label="Short letter"),
    ]


def counted(case: api.ReturnCase, period: api.ReturnPeriod) -> int:
    return int(period.holds(case.received_on))


def form(settings: Mapping[str, Any]) -> api.Layout:
    items = (
        api.Item("1", "Received", "Received in the period.", measure=counted, official=True),
        api.Item("2", "Accounts", "At its end.", entered=True),
    )
    return api.Layout("Tea return", "Each complaint counts once.", items)


def all_time(today: Any, settings: Mapping[str, Any]) -> list[api.ReturnPeriod]:
    return [api.ReturnPeriod(first=date(2000, 1, 1), last=date(2099, 12, 31), label="Ever")]


@hookimpl
def provide_returns(manifest: api.Manifest) -> list[api.Return]:
    version = api.ReturnVersion("1", "First", form)
    return [api.Return("dummy", "Tea board", "Tea return", "What was received.", (version,), all_time)]


def by_code(facts: api.MessageFacts) -> list[api.Finding]:
    """A message is about each category whose code stands in it."""
    places = {each.code: facts.text.casefold().find(each.code) for each in facts.categories}
    return [
        api.Finding(
            kind="aspect", value={"category": code, "outcome": "upheld"}, reason="Its code stands there.",
            spans=((place, place + len(code)),), confidence=0.9,
        )
        for code, place in places.items()
        if place >= 0
    ]  # fmt: skip


@hookimpl
def provide_classifiers(manifest: api.Manifest) -> list[api.Classifier]:
    return [api.Classifier("dummy", "Codes", "1", by_code)]


class Outside:
    """What the dummy says of a case on its way out; tests change it."""

    says: str = "fine"


def on_the_cover(facts: api.CaseFileFacts) -> Any:
    if Outside.says == "raise":
        raise RuntimeError("the dummy fails on purpose")
    return "rubbish" if Outside.says == "rubbish" else [("Dummy number", f"{facts.reference}/{len(facts.aspects)}")]


@hookimpl
def provide_case_files(manifest: api.Manifest) -> list[api.CaseFileFormat]:
    return [api.CaseFileFormat("dummy", "Dummy file", "1", lambda facts: "The Dummy", on_the_cover, staff_names=False)]


@hookimpl
def provide_rights(manifest: api.Manifest) -> list[api.Law]:
    month = api.Span(1, "months", "Dummy Act s. 1", "official")
    rights = (
        api.Right("look", "A look at the dummy", "access", "Dummy Act s. 2", month),
        api.Right("nonsense", "What core does not know", "dance", "Dummy Act s. 3", month),
    )
    return [api.Law("dummy", "Dummy Act", ("XX",), rights, (api.Ground("tired", "The dummy is tired", "s. 4"),))]


class Memory:
    """What the dummy remembers of people by their address, and how it behaves; tests change it."""

    says: str = "fine"
    kept: dict[str, dict[str, Any]] = {}


async def remembered(person: api.PersonSought, context: api.Context) -> Any:
    if Memory.says == "raise":
        raise RuntimeError("the dummy fails on purpose")
    if Memory.says == "rubbish":
        return "much"
    return [Memory.kept[each] for each in person.emails if each in Memory.kept]


async def forget(person: api.PersonSought, context: api.Context) -> int:
    if Memory.says == "raise":
        raise RuntimeError("the dummy fails on purpose")
    return sum(Memory.kept.pop(each, None) is not None for each in person.emails)


@hookimpl
def provide_personal_data(manifest: api.Manifest) -> list[api.PersonalData]:
    return [api.PersonalData("Memory of the dummy", remembered, forget)]


@hookimpl
def provide_jobs(manifest: api.Manifest) -> list[api.Job]:
    return [api.Job("count", count, limit_seconds=0.5), api.Job("tick", tick, every_seconds=60)]


@hookimpl
def provide_commands() -> list[api.Command]:
    return [api.Command("dummy", "greet", "Says hello.", greet, lambda parser: parser.add_argument("name") and None)]


@hookimpl
async def on_event(event: api.Event, platform: api.Platform) -> None:
    async with platform.transaction():
        known = await Note.exists().where(Note.event == event.id)
        if not known:
            await Note.insert(Note(event=event.id, case_id=UUID(event.stream.removeprefix("case/"))))
