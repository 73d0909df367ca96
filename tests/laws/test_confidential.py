"""Confidential cases and fields that need a right of their own are kept back on every surface alike. The walks go over
the routes of the app: a new one with a part that nobody thought of fails here until it is judged."""

import inspect
import itertools
import re
from typing import Any
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from ombud.desk import aspects, case_links, cases, people, support, undo
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.bulk import plan
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.casefile import record as casefile
from ombud.desk.colleagues.live import News, told
from ombud.desk.errors import DeskRefusal
from ombud.desk.inbox import taking
from ombud.desk.intake import receive
from ombud.desk.known_people import find
from ombud.desk.matters import evidence, tasks
from ombud.desk.merges import shown as merging
from ombud.desk.merges import similar
from ombud.desk.messages import write
from ombud.desk.notices import mine as notices
from ombud.desk.notices.staff import may_see
from ombud.desk.people_list import list_people, person_page
from ombud.desk.platform import CorePlatform
from ombud.desk.privacy import holds, reach
from ombud.desk.queues import total
from ombud.desk.search.finding import search
from ombud.desk.support import Needs
from ombud.desk.trail import as_of
from ombud.desk.viewing import explaining
from ombud.desk.viewing import record as views
from ombud.insight import compliance
from ombud.kernel.database import db
from ombud.trust.permissions import ADMINISTRATOR, COMPLIANCE, PERMISSIONS
from ombud.web.guard import handlers_of
from ombud_plugin_api import InboundMessage, Refused
from ombud_plugin_api.facts import Document, PersonGiven, RawReceipt

WORD = "quixotic"  # stands in everything of the confidential case, and nowhere else
NAME, MAIL, PHONE, POSTCODE, ADDRESS, NEED = (
    "Zebulon Marsh-Ortega", "zebulon@example.org", "+442079460991", "QX1 9ZZ", "9 Windmill Row", "speaks slowly",
)  # fmt: skip
FILE = Document(name=f"{WORD}.txt", content_type="text/plain", data=f"the {WORD} recording".encode())
MOUNTED = ("/p/", "/static", "/themes")
# Parts of addresses that lead to records of cases: with each there is, the walk asks for each.
OF_CASES = {
    "message_id": "message", "attachment_id": "attachment", "aspect_id": "aspect", "raw_id": "raw",
    "person_id": "person", "bulk_id": "bulk", "evidence_id": "evidence", "task_id": "task",
    "file_id": "case_file", "emergency_id": "emergency", "pin_id": "pin", "link_id": "aspect_link",
    "line_id": "redress", "draft_id": "draft", "finding_id": "finding", "clock_id": "clock",
    "escalation_id": "escalation", "payment_id": "payment", "batch_id": "payment_batch", "merge_id": "merge",
    "move_id": "merge", "sum_id": "calculation", "hold_id": "privacy_hold", "erasure_id": "privacy_erasure",
    "sample_id": "triage_sample", "review_id": "triage_review", "return_id": "return", "request_id": "redress_request",
    "run_id": "retention_run", "mark_id": "privacy_mark", "told_id": "privacy_told",
}  # fmt: skip
# Parts that name nothing of a case: what the desk is set up with, or what belongs to one person.
NO_CASE = {
    "absence_id", "action", "code", "delivery_id", "ending", "entry", "key", "kind", "ladder_id", "limit_id",
    "macro_id", "number", "protocol_id", "queue_id", "rate_id", "rule_id", "skill_id", "slug", "step", "term_id",
    "token", "token_id", "unit_id", "user_id", "value_id", "view_id",
}  # fmt: skip


class Scene:
    """`reference`: of the confidential case, or of the one with details that are masked; `ids`: of all there is."""

    def __init__(self, reference: str, case_id: UUID) -> None:
        self.reference, self.case_id = reference, case_id
        self.ids: dict[str, list[str]] = {}

    async def look(self) -> None:
        for name, table in OF_CASES.items():
            self.ids[name] = [str(row["id"]) for row in await db.fetch(f"SELECT id FROM core_{table} ORDER BY id")]
        rows = await db.fetch("SELECT reference FROM core_case ORDER BY reference")
        self.ids["reference"] = [row["reference"] for row in rows]


async def _case(desk, boss, word: str) -> Scene:
    """A case in which everything that can be written is written, with a person of whom everything is known."""
    filed = await desk.file(f"A {word} call.", f"A {word} letter.", name=NAME, email=MAIL, phone=PHONE,
                            postcode=POSTCODE)  # fmt: skip
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position LIMIT 1", filed.case_id)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await people.change(boss, person, {"address": ADDRESS}, None)
    await support.confirm(boss, filed.case_id, person, Needs(True, False, NEED, "consent"), None)
    await write(boss, filed.case_id, "note", f"The {word} note.")
    await write(boss, filed.case_id, "told", f"They told of a {word} tone.")
    line = await evidence.ask(boss, aspect, f"The {word} recording", asked_of="The archive")
    await evidence.receive(boss, aspect, line, documents=[FILE] if word == WORD else [])
    await tasks.promise(boss, aspect, f"A {word} apology")
    await aspects.change(boss, aspect, {"title": f"The {word} call"}, None)
    raw = RawReceipt(channel="wire", key=f"r-{word}", content_type="text/plain", body=f"{word}?".encode())
    said = InboundMessage(channel="wire", sender=PersonGiven(name=NAME, email=MAIL), text=f"Where is my {word} answer?",
                          subject=f"About {filed.reference}: {word}")  # fmt: skip
    await taking.take(await receive(raw), said)
    await cases.change(boss, filed.case_id, {"title": f"The {word} case"}, None)
    await case_links.make(boss, filed.case_id)
    last = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position DESC LIMIT 1",
                             filed.case_id)  # fmt: skip
    given = (RedressGiven("apology", None, "", f"{word} words"),)
    await aspects.decide_aspect(boss, last, Decision("upheld", f"It was {word}.", "", given), None)
    await holds.place(boss, f"The {word} proceedings", "A court order", None, reference=filed.reference)
    await desk.work()
    return Scene(filed.reference, filed.case_id)


async def _role(desk, key: str, without: tuple[str, ...]) -> None:
    """A role with every right but some, and a user of that name who holds it."""
    rights = sorted(each.key for each in PERMISSIONS if not each.key.startswith(without))
    await db.execute(
        "INSERT INTO core_role (key, label, permissions, active, version) VALUES ($1, $2, $3, TRUE, 1)",
        key, key.capitalize(), rights,
    )  # fmt: skip
    await desk.user(key, key)


@pytest.fixture
async def boss(desk):
    await desk.user("boss_of_all", "agent", "leader", "quality", COMPLIANCE, ADMINISTRATOR)
    return await desk.viewer("boss_of_all")


@pytest.fixture
async def secret(desk, boss):
    """A confidential case that the boss owns, beside an open one; `everybody` holds every right but the one to it."""
    scene = await _case(desk, boss, WORD)
    await cases.assign(boss, scene.case_id, boss.user_id)
    await cases.set_confidential(boss, scene.case_id, True, None)
    await desk.file("An open matter.")
    await plan.choose(boss, references=[scene.reference])
    await _role(desk, "everybody", ("case.confidential",))
    await desk.work()
    await scene.look()
    return scene


def _routes(app, methods: set[str]) -> list[tuple[str, str, Any]]:
    found = [
        (method, route.path, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith(MOUNTED)
        for handler in handlers_of(route)
        for method in handler.http_methods & methods
    ]
    return sorted(found, key=lambda each: each[:2])


def _addresses(path: str, scene: Scene) -> list[str]:
    parts = re.findall(r"\{([^}:]+)(?::([^}]+))?\}", path)
    usual = {"code": ["all"], "kind": ["category"], "key": ["x"]}
    options = [
        scene.ids.get(name) or usual.get(name) or [str(UUID(int=7)) if kind == "uuid" else "1"] for name, kind in parts
    ]
    pattern = re.sub(r"\{[^}]+\}", "{}", path)
    return [pattern.format(*chosen) for chosen in itertools.product(*options)]


ASKED = ("q", "text", "search", "reference")


def _questions(path: str, handler, scene: Scene, words: tuple[str, ...]) -> list[dict[str, str]]:
    """Without a question; and where the handler takes one, with each of these words."""
    boxes = [name for name in inspect.signature(handler.fn).parameters if name in ASKED and f"{{{name}:" not in path]
    opened = [{"open": each, "show": "placed"} for each in scene.ids["message_id"]] if path == "/inbox" else []
    return [{}, *opened, *(dict.fromkeys(boxes, word) for word in words if boxes)]


async def _walk(
    desk, scene: Scene, name: str, marks: tuple[str, ...], only: tuple[str, ...] = ()
) -> tuple[list[tuple[str, str]], int]:
    """What of the marks stands in any answer this user gets by looking, and how many answers there were."""
    browser, api = await desk.signed_in(name), await desk.api(name)
    found, answered = [], 0
    for method, path, handler in _routes(desk.app, {"GET"}):
        if path == "/live" or (only and path not in only):
            continue
        for address in _addresses(path, scene):
            for query in _questions(path, handler, scene, marks):
                asked = api if path.startswith("/api") else browser.http
                answer = await asked.request(method, address, params=query)
                assert answer.status_code < 500, f"{address} {query}: {answer.text[-400:]}"
                answered += answer.status_code == 200
                given = {each.casefold() for each in (address, *query.values())}
                found += [
                    (address, each)
                    for each in marks
                    if each.casefold() in answer.text.casefold() and not any(each.casefold() in one for one in given)
                ]
    return sorted(set(found)), answered


def test_every_part_of_an_address_is_judged(desk):
    names = {
        name
        for _, path, _ in _routes(desk.app, {"GET", "POST", "PATCH", "PUT", "DELETE"})
        for name in re.findall(r"\{([^}:]+)", path)
    }
    assert sorted(names - {*NO_CASE, *OF_CASES, "reference"}) == []
    assert sorted({*NO_CASE, *OF_CASES} - names) == []


async def test_no_page_and_no_answer_of_the_api_shows_a_confidential_case(desk, secret):
    marks = (WORD, secret.reference, NAME, MAIL, str(secret.case_id))
    found, answered = await _walk(desk, secret, "everybody", marks)
    assert found == []
    assert answered > 80


async def test_whoever_may_see_it_sees_it_by_the_same_walk(desk, secret):
    case, api = "/cases/{reference:str}", "/api/v1/cases/{reference:str}"
    only = (case, f"{case}/history", f"{case}/as-of", "/queues/{code:str}", "/parties", "/search", "/privacy/holds",
            "/api/v1/cases", api, f"{api}/messages", "/api/v1/search", "/files/{attachment_id:uuid}")  # fmt: skip
    found, _ = await _walk(desk, secret, "boss_of_all", (WORD, NAME, MAIL), only)
    seen = {address for address, _ in found}
    for path in only:
        assert seen & set(_addresses(path, secret)), path


async def test_no_form_and_no_change_over_the_api_tells_it_from_a_case_there_is_not(desk, secret):
    browser, api = await desk.signed_in("everybody"), await desk.api("everybody")
    token = await browser.token("/me/password")
    before = dict(await db.fetchrow("SELECT * FROM core_case WHERE id = $1", secret.case_id))
    differing, shown = [], []
    for method, path, _ in _routes(desk.app, {"POST", "PATCH", "PUT", "DELETE"}):
        if "{reference" not in path:
            continue
        for address in _addresses(path, secret)[:40]:
            if secret.reference not in address:
                continue
            asked = api if path.startswith("/api") else browser.http
            body = {"json": {"version": 1}} if path.startswith("/api") else {"headers": {"x-csrf-token": token}}
            answer = await asked.request(method, address, **body)
            strange = await asked.request(method, address.replace(secret.reference, "OMB-00000-0"), **body)
            differing += [(address, answer.status_code)] if answer.status_code != strange.status_code else []
            shown += [address] if WORD in answer.text.casefold() else []
    assert (differing, shown) == ([], [])
    assert dict(await db.fetchrow("SELECT * FROM core_case WHERE id = $1", secret.case_id)) == before


async def test_no_surface_below_the_pages_gives_it_away(desk, boss, secret):
    viewer = await desk.viewer("everybody")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 LIMIT 1", secret.case_id)
    open_case = next(each for each in secret.ids["reference"] if each != secret.reference)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1 LIMIT 1", secret.case_id)
    listed = await list_cases(viewer, CaseFilters())
    assert (len(listed.rows), listed.total, await total(viewer)) == (1, 1, 1)
    assert (await list_cases(viewer, CaseFilters(text=WORD))).rows == ()
    assert not any(part.rows for part in (await search(viewer, WORD)).parts)
    assert NAME not in {row.name for row in (await list_people(viewer)).rows}
    assert await find(viewer, email=MAIL) == await find(viewer, name=NAME) == ()
    assert await similar.similar(viewer, text=f"A {WORD} call and letter", email=MAIL, phone=PHONE) == ()
    refused = {
        "case file": lambda: casefile.record_of(viewer, secret.reference),
        "merge": lambda: merging.preview(viewer, secret.reference, open_case),
        "plugin": lambda: CorePlatform("x", viewer).case(secret.reference),
        "why": lambda: explaining.why_seen(viewer, secret.reference),
        "as of": lambda: as_of.as_of(viewer, secret.reference),
        "take": lambda: cases.take(viewer, secret.case_id),
        "promise": lambda: tasks.promise(viewer, aspect, "Something"),
        "bulk": lambda: plan.choose(viewer, references=[secret.reference]),
        "person": lambda: person_page(viewer, person),
        "bundle": lambda: reach.demand_reach(viewer, "privacy.handle", [person]),
        "viewers": lambda: views.of_case(viewer, secret.reference),
    }
    for what, call in refused.items():
        try:
            await call()
        except (DeskRefusal, Refused):
            continue
        pytest.fail(f"{what} is not refused")
    with pytest.raises(DeskRefusal):
        async with undo.kept(viewer, secret.case_id, "assign"):
            await cases.assign(viewer, secret.case_id, viewer.user_id)
    for sign in ("case.changed", "message.written", "claim"):
        assert await told([viewer], [News(secret.case_id, sign, 1, "system")]) == [[]]
    assert not await may_see(viewer, secret.case_id, None)
    assert (await notices.mine(viewer))[0] == []
    report = await compliance.report(viewer)
    figures = {each.code: each.figure for _, group in report.groups for each in group}
    assert figures["received"] == "1"
    _, behind = await compliance.cases_of(viewer, "received", None, None)
    assert [row["reference"] for row in behind] == [open_case]


# who → rights they lack, and what they must not be shown. Requests about personal data and receipts that could not be
# read show people as such, to those who handle them.
CONTACT = (MAIL, PHONE, POSTCODE, ADDRESS)
MASKS = {
    "contactless": (("person.contact", "person.write", "support.", "privacy.", "intake."), (*CONTACT, NEED)),
    "nameless": (("person.", "support.", "privacy.", "intake."), (NAME, *CONTACT, NEED)),
}


@pytest.mark.parametrize("name", sorted(MASKS))
async def test_masked_details_are_on_no_surface(desk, boss, name):
    scene = await _case(desk, boss, "open")
    without, marks = MASKS[name]
    await _role(desk, name, without)
    await scene.look()
    found, answered = await _walk(desk, scene, name, marks)
    assert found == []
    assert answered > 60
    viewer = await desk.viewer(name)
    for mark in CONTACT:  # nor is it guessed by asking for it
        assert not any(part.rows for part in (await search(viewer, mark)).parts if part.kind == "person"), mark
    assert MAIL in repr(await list_people(boss))
