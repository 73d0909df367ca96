"""Who may go where: every route with every role, forms that are not ours, and how many statements a page takes."""

import re
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from ombud.desk import intake
from ombud.desk.inbox import taking
from ombud.kernel.database import db
from ombud.trust.permissions import ROLES, default_permissions
from ombud.web.guard import SIGNED_IN, handlers_of
from ombud_plugin_api import InboundMessage
from ombud_plugin_api.facts import PersonGiven, RawReceipt

MOUNTED = ("/p", "/static", "/themes")


async def _somewhere(desk) -> dict[str, str]:
    """Real records for the parts of addresses, so that a refusal is never for want of a record."""
    filed = await desk.file("The fee was taken twice.")
    raw = RawReceipt(channel="wire", key="1", content_type="text/plain", body=b"Where is my card?")
    said = InboundMessage(
        channel="wire", sender=PersonGiven(name="Uwe Vogt", email="uwe@example.net"), text="Where is my card?",
        html="<p>Where is my card?</p>",
    )  # fmt: skip
    message = await taking.take(await intake.receive(raw), said)
    ids = await db.fetchrow(
        "SELECT (SELECT id FROM core_aspect LIMIT 1) AS aspect_id, (SELECT id FROM core_raw LIMIT 1) AS raw_id, "
        "(SELECT person_id FROM core_party LIMIT 1) AS person_id"
    )
    known = {name: str(value) for name, value in dict(ids).items()}
    known["message_id"] = str(message)
    return {**known, "reference": filed.reference, "code": "all", "slug": "no-such", "action": "restart",
            "token": filed.track_url.rsplit("/", 1)[1]}  # fmt: skip


def _address(path: str, known: dict[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        name, _, kind = found.group(1).partition(":")
        usual = {"uuid": str(UUID(int=7)), "int": "1"}.get(kind, "x")
        return known.get(name, usual)

    return re.sub(r"\{([^}]+)\}", part, path)


def _routes(app) -> list[tuple[str, str, dict[str, object]]]:
    found = []
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(MOUNTED):
            for handler in handlers_of(route):
                found += [(method, route.path, handler.opt) for method in handler.http_methods - {"OPTIONS", "HEAD"}]
    return sorted(found, key=lambda each: each[:2])


@pytest.mark.parametrize("role", ["anonymous", *(role.key for role in ROLES)])
async def test_every_route_refuses_who_may_not(desk, role):
    known = await _somewhere(desk)
    rights = set() if role == "anonymous" else {SIGNED_IN, *default_permissions(role)}
    browser = desk.browser() if role == "anonymous" else await desk.signed_in(role)
    token = await browser.token("/sign-in" if role == "anonymous" else "/me/password")
    assert token
    routes = [each for each in _routes(desk.app) if each[1] not in {"/sign-in", "/sign-out", "/me/password"}]
    assert len(routes) > 50
    for method, path, opt in routes:
        address = _address(path, known)
        answer = await browser.http.request(method, address, headers={"x-csrf-token": token})
        where = f"{role} {method} {path}: {answer.status_code}"
        assert answer.status_code < 500, f"{where}\n{answer.text[-800:]}"
        if opt.get("public") or opt["permission"] in rights:
            assert answer.status_code not in {401}, where
            assert answer.status_code != 403 or path.startswith("/api"), where
        elif role == "anonymous" and method == "GET" and not path.startswith(("/api", "/health/")):
            assert answer.headers["location"].startswith("/sign-in?next="), where
        else:
            assert answer.status_code == (401 if role == "anonymous" else 403), where


async def test_a_form_that_is_not_ours_is_refused_with_words_and_changes_nothing(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    for wrong in ("", "forged"):
        answer = await agent.http.post(f"/cases/{filed.reference}/take", data={"_csrf": wrong})
        assert answer.status_code == 403
        assert "This form is too old, or was not opened here." in answer.text
    assert await db.fetchval("SELECT owner_id FROM core_case") is None


@pytest.mark.parametrize("body", [b"", b"\xff\xfe%00%ff=%ff", b"=&=&&=", b"a" * 200_000])
async def test_rubbish_in_a_form_gets_an_answer_in_words(desk, body):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    token = await agent.token("/me/password")
    kind = {"content-type": "application/x-www-form-urlencoded", "x-csrf-token": token}
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    case = f"/cases/{filed.reference}"
    below = ("messages", "status", "change", "owner", "aspects", "order", "parties", f"aspects/{aspect}/decide",
             f"aspects/{aspect}/change")  # fmt: skip
    for path in ("/cases/new", *(f"{case}/{each}" for each in below)):
        answer = await agent.http.post(path, content=body, headers=kind)
        assert answer.status_code in {303, 422}, f"{path}: {answer.status_code}"


async def test_pages_take_few_statements_however_many_cases_there_are(desk):
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.", "And another.") for n in range(3)]
    few = await _statements(agent, filed[0].reference)
    for n in range(57):
        await desk.file(f"More {n}.")
    for n in range(20):
        await agent.submit(f"/cases/{filed[0].reference}/messages", {"kind": "note", "text": f"Note {n}", "about": "A"},
                           page=f"/cases/{filed[0].reference}")  # fmt: skip
    many = await _statements(agent, filed[0].reference)
    assert many == few
    assert few["queue"] <= 6
    assert few["case"] <= 12


async def _statements(browser, reference: str) -> dict[str, int]:
    taken = {}
    for name, path in {"queue": "/queues/new-complaints", "all": "/queues/all", "case": f"/cases/{reference}"}.items():
        await browser.get(path)
        with db.counting() as count:
            assert (await browser.get(path)).status_code == 200
        taken[name] = count.statements
    return taken
