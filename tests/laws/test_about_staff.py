"""An aspect about a member of staff is hidden from that person and never given to them, by any path there is."""

import contextlib
import itertools
import re
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from ombud.desk import aspects, cases, messages, undo
from ombud.desk.administration import protocols as setup
from ombud.desk.administration.protocols import ItemGiven
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.bulk import run as bulk_run
from ombud.desk.errors import DeskRefusal, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.matters import evidence, moves, parting, pins, protocols, tasks, ties
from ombud.desk.merges import merge as merging
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud.web.guard import handlers_of
from ombud_plugin_api.facts import Document

WORD = "quixotic"  # stands in everything that is about them, and nowhere else
MOUNTED = ("/p", "/static", "/themes")
FILE = Document(name=f"{WORD}.txt", content_type="text/plain", data=f"the {WORD} recording".encode())


class Scene:
    """A case with an aspect about `about`, and another case into which one more such aspect was moved and split."""

    def __init__(self) -> None:
        self.cases: list[str] = []
        self.ids: dict[str, list[str]] = {}
        self.secret: list[str] = []


async def _scene(desk, name: str) -> Scene:
    scene, boss = Scene(), await desk.viewer("boss_of_all")
    about = await desk.viewer(name)
    first = await desk.file("The fee was taken twice.", f"A {WORD} call.", f"A {WORD} letter.", "A late answer.")
    second = await desk.file("Another matter.")
    third = await desk.file("A third matter.")
    plain, hers, moved, _ = [
        row["id"]
        for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", first.case_id)
    ]
    await setup.add(SYSTEM, "Calls", "", None, [ItemGiven("Listen")], [ItemGiven("Recording")])
    for each in (hers, moved):
        await aspects.concern(boss, each, about.user_id)
    said = await messages.write(boss, first.case_id, "told", f"The {WORD} clerk shouted. So {WORD}.", aspect_ids=[hers])
    loose = await messages.write(boss, first.case_id, "told", f"The fee, and the {WORD} tone.", aspect_ids=[plain])
    await pins.pin_passage(boss, hers, said, f"{WORD} clerk shouted")
    await pins.pin_passage(boss, moved, loose, f"{WORD} tone")
    line = await evidence.ask(boss, hers, f"The {WORD} recording", asked_of=f"{WORD} centre", message_id=said)
    await evidence.receive(boss, hers, line, documents=[FILE])
    await evidence.rely(boss, hers, line, True, f"{WORD} shouting")
    await pins.pin_page(boss, hers, await db.fetchval("SELECT id FROM core_attachment"), 1)
    await tasks.promise(boss, hers, f"A {WORD} apology")
    await protocols.do_step(boss, hers, "listen", f"{WORD} indeed")
    await ties.tie(boss, plain, hers, "same_cause")
    await parting.part(boss, moved, f"Another {WORD} letter", f"{WORD} two")
    await aspects.change(boss, hers, {"title": f"The {WORD} call"}, None)
    await moves.move(boss, moved, second.case_id, f"{WORD} reasons")
    redress = (RedressGiven("apology", None, "", f"{WORD} words"),)
    await aspects.decide_aspect(boss, hers, Decision("upheld", f"It was {WORD}.", "", redress), None)
    await desk.work()
    rows = await db.fetch("SELECT id FROM core_aspect WHERE concerns_user_id = $1", about.user_id)
    scene.secret = [str(row["id"]) for row in rows]
    for table in ("core_evidence", "core_task", "core_pin", "core_step", "core_redress", "core_aspect_link"):
        scene.ids[table] = [str(row["id"]) for row in await db.fetch(f"SELECT id FROM {table}")]
    scene.secret += [each for table in scene.ids for each in scene.ids[table]]
    scene.cases = [first.reference, second.reference, third.reference]
    for what in ("message", "attachment", "aspect", "raw", "person", "bulk", "case"):
        scene.ids[what] = [str(row["id"]) for row in await db.fetch(f"SELECT id FROM core_{what}")]
    return scene


@pytest.fixture
async def boss(desk):
    """Somebody with every role that works on cases, who sees all of it."""
    await desk.user("boss_of_all", "agent", "leader", "quality", "compliance", "administrator")


def _routes(app, methods: set[str]) -> list[tuple[str, str]]:
    found = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith(MOUNTED)
        for handler in handlers_of(route)
        for method in handler.http_methods & methods
    }
    return sorted(found)


def _addresses(path: str, scene: Scene) -> list[str]:
    """The path with every record there is in place of its parts."""
    choices = {
        "reference": scene.cases, "case_id": scene.ids["case"], "aspect_id": scene.ids["aspect"],
        "message_id": scene.ids["message"], "attachment_id": scene.ids["attachment"], "raw_id": scene.ids["raw"],
        "person_id": scene.ids["person"], "evidence_id": scene.ids["core_evidence"], "task_id": scene.ids["core_task"],
        "pin_id": scene.ids["core_pin"], "link_id": scene.ids["core_aspect_link"], "line_id": scene.ids["core_redress"],
        "code": ["all"], "kind": ["category"], "step": ["done"],
    }  # fmt: skip
    parts = re.findall(r"\{([^}:]+)(?::([^}]+))?\}", path)
    options = [choices.get(name, [str(UUID(int=7)) if kind == "uuid" else "x"]) for name, kind in parts]
    pattern = re.sub(r"\{[^}]+\}", "{}", path)
    return [pattern.format(*chosen) for chosen in itertools.product(*options)]


def _shows(text: str, scene: Scene, sent: str = "") -> list[str]:
    """What of the secret stands in an answer; what the asker named themselves is no news."""
    lowered = text.casefold()
    return [each for each in (WORD, *scene.secret) if each in lowered and each not in sent]


@pytest.mark.parametrize("role", ["agent", "leader", "administrator"])
async def test_no_page_and_no_answer_of_the_api_shows_it(desk, boss, role):
    scene = await _scene(desk, role)
    browser, api = await desk.signed_in(role), await desk.api(role)
    found, seen = [], 0
    for method, path in _routes(desk.app, {"GET"}):
        if path.endswith(("/live", "/stream")):
            continue
        for address in _addresses(path, scene):
            answer = await (api if path.startswith("/api") else browser.http).request(method, address)
            assert answer.status_code < 500, address
            seen += answer.status_code == 200
            found += [(address, each) for each in _shows(answer.text, scene, address)]
    assert found == []
    assert seen > 20


async def test_whom_it_is_not_about_sees_all_of_it(desk, boss):
    """The walk above would find it if it were there."""
    scene = await _scene(desk, "leader")
    browser = await desk.signed_in("boss_of_all")
    words = ""
    for reference, aspect in itertools.product(scene.cases, scene.ids["aspect"]):
        words += (await browser.get(f"/cases/{reference}")).text
        for part in ("", "/evidence", "/tasks", "/protocol", "/passages", "/ties"):
            words += (await browser.get(f"/cases/{reference}/aspects/{aspect}{part}")).text
    assert set(_shows(words, scene)) >= {WORD, *scene.ids["core_evidence"], *scene.ids["core_task"]}


@pytest.mark.parametrize("query", [WORD, "clerk shouted", "recording", "apology"])
async def test_no_search_finds_it(desk, boss, query):
    scene = await _scene(desk, "leader")
    browser, api = await desk.signed_in("leader"), await desk.api("leader")
    for path in ("/search", "/palette", "/api/search", "/api/cases", "/queues/all", "/parties", "/inbox"):
        answer = await (api if path.startswith("/api") else browser.http).get(
            path, params={"q": query, "text": query, "search": query}
        )
        assert answer.status_code < 500
        assert _shows(answer.text, scene, query) == [], path


@pytest.mark.parametrize("role", ["leader", "administrator"])
async def test_no_form_and_no_change_over_the_api_reaches_it(desk, boss, role):
    scene = await _scene(desk, role)
    browser, api = await desk.signed_in(role), await desk.api(role)
    token = await browser.token("/me/password")
    before = [dict(row) for row in await db.fetch("SELECT * FROM core_aspect WHERE concerns_user_id IS NOT NULL")]
    reached = []
    for method, path in _routes(desk.app, {"POST", "PATCH", "PUT", "DELETE"}):
        if "aspect_id" not in path:
            continue
        for address in _addresses(path, scene):
            if not any(each in address for each in scene.secret[:3]):
                continue
            asked = api if path.startswith("/api") else browser.http
            body = {"json": {"version": 1}} if path.startswith("/api") else {"headers": {"x-csrf-token": token}}
            answer = await asked.request(method, address, **body)
            hidden = next(each for each in scene.secret[:3] if each in address)
            strange = await asked.request(method, address.replace(hidden, str(UUID(int=7))), **body)
            assert answer.status_code >= 400, address
            reached += [(method, address)] if answer.status_code != strange.status_code else []
            reached += [(address, each) for each in _shows(answer.text, scene, address)]
    assert reached == []
    rows = [dict(row) for row in await db.fetch("SELECT * FROM core_aspect WHERE concerns_user_id IS NOT NULL")]
    assert rows == before


async def test_who_was_hidden_from_an_aspect_stays_so_where_it_was_before_it_moved_on(desk, boss):
    scene = await _scene(desk, "leader")
    leader, browser = await desk.viewer("leader"), await desk.signed_in("leader")
    viewer = await desk.viewer("boss_of_all")
    moved = await db.fetchval("SELECT row_id FROM core_merge_row WHERE what = 'aspect'")
    third = await db.fetchval("SELECT id FROM core_case WHERE reference = $1", scene.cases[2])
    await messages.write(viewer, third, "note", "A note of the third case.")
    await moves.move(viewer, moved, third, f"{WORD} again")
    for reference in scene.cases:
        for path in (f"/cases/{reference}", f"/cases/{reference}/history", f"/cases/{reference}/order"):
            assert _shows((await browser.get(path)).text, scene) == []
    with pytest.raises(NotAllowed):
        await cases.close(leader, third)


async def test_it_is_never_given_to_them_by_any_path(desk, boss):
    scene = await _scene(desk, "leader")
    boss_, leader = await desk.viewer("boss_of_all"), await desk.viewer("leader")
    case_id = await db.fetchval("SELECT id FROM core_case WHERE reference = $1", scene.cases[0])
    hers = await db.fetchval(
        "SELECT id FROM core_aspect WHERE case_id = $1 AND concerns_user_id IS NOT NULL ORDER BY position LIMIT 1",
        case_id,
    )
    refused = (Invalid, NotNow, NotAllowed, NotFound)
    with pytest.raises(refused):
        await cases.assign(boss_, case_id, leader.user_id)
    with pytest.raises(refused):
        await cases.take(leader, case_id)
    with pytest.raises(refused):
        await aspects.assign(boss_, hers, leader.user_id)
    with pytest.raises(refused):
        await aspects.assign(leader, hers, leader.user_id)
    api = await desk.api("boss_of_all")
    version = await db.fetchval("SELECT version FROM core_aspect WHERE id = $1", hers)
    answer = await api.post(f"/api/cases/{scene.cases[0]}/aspects/{hers}/assign",
                            json={"owner": str(leader.user_id), "version": version})  # fmt: skip
    assert answer.status_code >= 400
    assert await db.fetchval("SELECT count(*) FROM core_aspect WHERE owner_id = $1", leader.user_id) == 0
    assert await db.fetchval("SELECT owner_id FROM core_case WHERE id = $1", case_id) is None


async def test_a_case_they_own_takes_no_aspect_about_them(desk, boss):
    viewer, leader = await desk.viewer("boss_of_all"), await desk.viewer("leader")
    source = await desk.file("The fee.", "A call.")
    target = await desk.file("Theirs to work on.")
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", source.case_id)
    await aspects.concern(viewer, second, leader.user_id)
    await cases.assign(viewer, target.case_id, leader.user_id)
    with pytest.raises(NotNow, match="cannot take this aspect"):
        await moves.move(viewer, second, target.case_id, "It belongs there")
    with pytest.raises(NotNow, match="Give the case to somebody else"):
        await merging.merge(viewer, source.case_id, target.case_id, "One case")
    only = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", target.case_id)
    with pytest.raises(NotNow, match="owns the case"):
        await aspects.concern(viewer, only, leader.user_id)


async def test_an_owner_lets_go_of_an_aspect_that_turns_out_to_be_about_them(desk, boss):
    viewer, leader = await desk.viewer("boss_of_all"), await desk.viewer("leader")
    filed = await desk.file("The fee.", "A call.")
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.assign(viewer, second, leader.user_id)
    await aspects.concern(viewer, second, leader.user_id)
    assert await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1", second) is None
    made = await parting.part(viewer, second, "Another call.")
    assert await db.fetchval("SELECT concerns_user_id FROM core_aspect WHERE id = $1", made) == leader.user_id
    with pytest.raises(NotNow, match="about a member of staff"):
        await parting.join(viewer, made)


async def test_taking_a_change_back_gives_it_to_nobody_it_is_about(desk, boss):
    viewer, leader = await desk.viewer("boss_of_all"), await desk.viewer("leader")
    filed = await desk.file("The fee.", "A call.")
    await cases.assign(viewer, filed.case_id, leader.user_id)
    async with undo.kept(viewer, filed.case_id, "assign") as kept:
        await cases.assign(viewer, filed.case_id, viewer.user_id)
    second = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    await aspects.concern(viewer, second, leader.user_id)
    with contextlib.suppress(DeskRefusal):
        await bulk_run.undo(viewer, kept.id)
    assert await db.fetchval("SELECT owner_id FROM core_case WHERE id = $1", filed.case_id) == viewer.user_id
