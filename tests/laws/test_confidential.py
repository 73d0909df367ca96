"""Confidential cases and fields that need a right of their own are kept back on every surface alike. The walks go over
the routes of the app: a new one with a part that nobody thought of fails here until it is judged."""

import itertools
import re
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from ombud.desk import aspects, case_links, cases, people, support, undo
from ombud.desk.bulk import plan
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.casefile import record as casefile
from ombud.desk.choices import active_queues
from ombud.desk.colleagues.live import News, told
from ombud.desk.errors import DeskRefusal, NotAllowed, NotFound, NotNow
from ombud.desk.inbox import taking
from ombud.desk.intake import receive
from ombud.desk.known_people import find
from ombud.desk.matters import evidence, tasks
from ombud.desk.merges import shown as merging
from ombud.desk.merges import similar
from ombud.desk.messages import write
from ombud.desk.notices import mine as notices
from ombud.desk.notices.staff import may_see
from ombud.desk.people_list import list_people
from ombud.desk.platform import CorePlatform
from ombud.desk.privacy import reach
from ombud.desk.queues import total
from ombud.desk.search.finding import search
from ombud.desk.support import Needs
from ombud.desk.trail import as_of, person_history
from ombud.desk.viewing import explaining
from ombud.insight import compliance
from ombud.kernel.database import db
from ombud.trust.permissions import ADMINISTRATOR, COMPLIANCE, PERMISSIONS
from ombud.web.guard import handlers_of
from ombud_plugin_api import InboundMessage
from ombud_plugin_api.facts import Document, PersonGiven, RawReceipt

WORD = "quixotic"  # stands in everything of the confidential case, and nowhere else
NAME, MAIL, PHONE, POSTCODE, ADDRESS, NEED = (
    "Zebulon Marsh-Ortega", "zebulon@example.org", "+442079460991", "QX1 9ZZ", "9 Windmill Row", "speaks slowly",
)  # fmt: skip
FILE = Document(name=f"{WORD}.txt", content_type="text/plain", data=f"the {WORD} recording".encode())
MOUNTED = ("/p/", "/static", "/themes")
# Parts of addresses that name nothing of a case: what the desk is set up with, or what belongs to one person.
NO_CASE = {
    "action", "batch_id", "calendar_id", "code", "cursor", "delivery_id", "ending", "entry", "erasure_id", "key",
    "kind", "ladder_id", "macro_id", "name", "protocol_id", "queue_id", "rate_id", "request_id", "return_id", "rest",
    "sample_id", "sum_id", "skill_id", "slug", "step", "term_id", "theme", "token", "unit_id", "user_id", "view_id",
}  # fmt: skip


class Scene:
    """`reference`: of the confidential case, or of the one with details that are masked; `ids`: of all there is."""

    def __init__(self, reference: str, case_id: UUID) -> None:
        self.reference, self.case_id = reference, case_id
        self.ids: dict[str, list[str]] = {}

    async def look(self) -> None:
        for what, table in (("message_id", "message"), ("attachment_id", "attachment"), ("aspect_id", "aspect"),
                            ("raw_id", "raw"), ("person_id", "person"), ("bulk_id", "bulk"), ("case_id", "case"),
                            ("evidence_id", "evidence"), ("task_id", "task"), ("file_id", "case_file"),
                            ("emergency_id", "emergency"), ("pin_id", "pin"), ("link_id", "aspect_link"),
                            ("line_id", "redress"), ("draft_id", "draft"), ("finding_id", "finding")):  # fmt: skip
            self.ids[what] = [str(row["id"]) for row in await db.fetch(f"SELECT id FROM core_{table} ORDER BY id")]
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


def _routes(app, methods: set[str]) -> list[tuple[str, str]]:
    return sorted(
        {
            (method, route.path)
            for route in app.routes
            if isinstance(route, HTTPRoute) and not route.path.startswith(MOUNTED)
            for handler in handlers_of(route)
            for method in handler.http_methods & methods
        }
    )


def _addresses(path: str, scene: Scene) -> list[str]:
    parts = re.findall(r"\{([^}:]+)(?::([^}]+))?\}", path)
    usual = {"code": ["all"], "kind": ["category"], "key": ["x"]}
    options = [
        scene.ids.get(name) or usual.get(name) or [str(UUID(int=7)) if kind == "uuid" else "1"] for name, kind in parts
    ]
    pattern = re.sub(r"\{[^}]+\}", "{}", path)
    return [pattern.format(*chosen) for chosen in itertools.product(*options)]


ASKED = ("q", "text", "search", "reference")


def _questions(path: str, scene: Scene, words: tuple[str, ...]) -> list[dict[str, str]]:
    """Without a question; and where it has no parts, with each of these words in every box there could be."""
    if "{" in path:
        return [{}]
    opened = [{"open": each, "show": "placed"} for each in scene.ids["message_id"]] if path == "/inbox" else []
    return [{}, *opened, *({name: word for name in ASKED} for word in words)]


async def _walk(desk, scene: Scene, name: str, marks: tuple[str, ...]) -> tuple[list[tuple[str, str]], int]:
    """What of the marks stands in any answer this user gets by looking, and how many answers there were."""
    browser, api = await desk.signed_in(name), await desk.api(name)
    found, answered = [], 0
    for method, path in _routes(desk.app, {"GET"}):
        if path in {"/live", "/sign-out"}:
            continue
        for address in _addresses(path, scene):
            for query in _questions(path, scene, marks):
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
    known = {*NO_CASE, "reference", "message_id", "attachment_id", "aspect_id", "raw_id", "person_id", "bulk_id",
             "case_id", "evidence_id", "task_id", "file_id", "emergency_id", "pin_id", "link_id", "line_id",
             "draft_id", "finding_id"}  # fmt: skip
    names = {
        name
        for _, path in _routes(desk.app, {"GET", "POST", "PATCH", "PUT", "DELETE"})
        for name in re.findall(r"\{([^}:]+)", path)
    }
    assert sorted(names - known) == []


@pytest.mark.parametrize("name", ["agent", "everybody"])
async def test_no_page_and_no_answer_of_the_api_shows_a_confidential_case(desk, secret, name):
    found, answered = await _walk(desk, secret, name, (WORD, secret.reference, NAME, MAIL, str(secret.case_id)))
    assert found == []
    assert answered > 20


async def test_whoever_may_see_it_sees_it_by_the_same_walk(desk, secret):
    found, _ = await _walk(desk, secret, "boss_of_all", (WORD, NAME, MAIL))
    seen = {address for address, _ in found}
    for address in (f"/cases/{secret.reference}", f"/cases/{secret.reference}/history", "/queues/all", "/parties",
                    f"/cases/{secret.reference}/as-of", f"/api/v1/cases/{secret.reference}", "/api/v1/cases",
                    f"/api/v1/cases/{secret.reference}/messages", f"/cases/{secret.reference}/file"):  # fmt: skip
        assert address in seen, address


async def test_no_form_and_no_change_over_the_api_tells_it_from_a_case_there_is_not(desk, secret):
    browser, api = await desk.signed_in("everybody"), await desk.api("everybody")
    token = await browser.token("/me/password")
    before = dict(await db.fetchrow("SELECT * FROM core_case WHERE id = $1", secret.case_id))
    differing, shown = [], []
    for method, path in _routes(desk.app, {"POST", "PATCH", "PUT", "DELETE"}):
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
    for refused in (
        casefile.record_of(viewer, secret.reference), merging.preview(viewer, secret.reference, open_case),
        CorePlatform("x", viewer).case(secret.reference), explaining.why_seen(viewer, secret.reference),
        as_of.as_of(viewer, secret.reference), cases.take(viewer, secret.case_id),
        tasks.promise(viewer, aspect, "Something"), plan.choose(viewer, references=[secret.reference]),
    ):  # fmt: skip
        with pytest.raises((NotFound, NotNow, NotAllowed)):
            await refused
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
    assert secret.reference not in {row["reference"] for row in (await compliance.cases_of(viewer, "received", None, None))[1]}
    with pytest.raises(DeskRefusal):
        await reach.demand_reach(viewer, "privacy.handle", [person])
    with pytest.raises(DeskRefusal):
        await person_history.history(viewer, person)
    assert await active_queues()


MASKS = {
    # who → what they must not be shown
    "quality": (MAIL, PHONE, POSTCODE, ADDRESS, NEED),
    "nameless": (NAME, MAIL, PHONE, POSTCODE, ADDRESS, NEED),
}


@pytest.mark.parametrize("name", sorted(MASKS))
async def test_masked_details_are_on_no_surface(desk, boss, name):
    scene = await _case(desk, boss, "open")
    await _role(desk, "nameless", ("person.", "support.", "privacy.", "inbox.", "intake.", "ledger."))
    await scene.look()
    found, answered = await _walk(desk, scene, name, MASKS[name])
    assert found == []
    assert answered > 20
    viewer = await desk.viewer(name)
    for mark in (MAIL, PHONE, POSTCODE, ADDRESS):  # nor is it guessed by asking for it
        assert not any(part.rows for part in (await search(viewer, mark)).parts if part.kind == "person"), mark
    told_of = await desk.viewer("boss_of_all")
    assert MAIL in repr(await list_people(told_of))
