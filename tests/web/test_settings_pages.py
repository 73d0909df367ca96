"""Settings through the front door: who may, where values come from, trying out, conflicts, secrets, history."""

import asyncio
import html
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ombud.desk.settings import trying as setting_trying
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings as settings
from ombud.trust import users
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM

DUMMY = Path(__file__).parent.parent / "dummy_plugin"
PAGE = "/settings/p-dummy"
SECRET = "swordfish-4711"


@pytest.fixture
async def tree(desk: Desk) -> AsyncIterator[dict[str, Any]]:
    """acme (the desk's first) > north > north-team, and zenith beside; the dummy plugin is on."""
    sys.path.insert(0, str(DUMMY))
    try:
        first = await db.fetchrow("UPDATE core_unit SET key = 'acme', name = 'Acme' RETURNING id, created_at")
        units = {"acme": first["id"]}
        for key, parent in (("zenith", None), ("north", "acme"), ("north-team", "north")):
            units[key] = await db.fetchval(
                "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
                "created_at, version) VALUES (gen_random_uuid(), $1, 'entity', $2, $3, 'UTC', 'EUR', '', 'en', '', "
                "now(), 1) RETURNING id",
                units.get(parent or ""), key, key.capitalize(),
            )  # fmt: skip
        await desk.enable("dummy")
        yield units
    finally:
        sys.path.remove(str(DUMMY))
        for name in [each for each in sys.modules if each.startswith("ombud_dummy")]:
            del sys.modules[name]


async def administrator(desk: Desk, name: str, *units: str) -> Browser:
    """Holds the role in these units; without one everywhere."""
    where = units or ("acme", "zenith")
    await desk.user(name, "administrator", unit=where[0])
    for each in where[1:]:
        await users.give_role(
            await db.fetchval("SELECT id FROM core_user WHERE name = $1", name), "administrator", each, "system"
        )
    return await desk.signed_in(name)


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of the page's form if nothing was typed."""
    form = page.split('id="setting-form"')[1].split("</form>", maxsplit=1)[0]
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]+>", form):
        given = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if given.get("type") in {"checkbox", "radio"} and " checked" not in tag:
            continue
        if "name" in given:
            sent.setdefault(given["name"], []).append(html.unescape(given.get("value", "")))
    for name, text in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.S):
        sent[name] = [html.unescape(text)]
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        sent[name] = [html.unescape(chosen.group(1))] if chosen else []
    return sent


async def press(
    browser: Browser, typed: dict[str, Any], *, unit: str = "", to: str = PAGE, do: str = "",
    base: dict[str, Any] | None = None, **headers: str,
) -> httpx.Response:  # fmt: skip
    sent = base if base is not None else form_of((await browser.get(f"{to}?unit={unit}")).text)
    data = {**sent, **typed}
    return await browser.http.post(to + do, data={k: v for k, v in data.items() if v is not None}, headers=headers)


async def held(unit: Any = None) -> dict[str, Any]:
    from ombud.desk.settings.groups import values_for_plugin

    return await values_for_plugin("dummy", unit)


async def test_settings_are_for_who_manages_them_and_only_in_their_units(desk: Desk, tree: dict[str, Any]) -> None:
    agent, everywhere = await desk.signed_in("agent"), await administrator(desk, "adam")
    north = await administrator(desk, "nora", "north")
    for path in ("/settings", PAGE, "/settings/history"):
        assert (await agent.get(path)).status_code == 403
        assert (await everywhere.get(path)).status_code == 200
        assert (await north.get(path)).status_code == 200
    page = (await north.get(PAGE)).text
    assert ">North<" in page.replace("\u00a0", "")
    for hidden in ("Zenith", "Acme", 'value=""><'):
        assert hidden not in page.split('id="unit-shown"')[1].split("</select>")[0]
    assert (await north.get(f"{PAGE}?unit=zenith")).status_code == 404
    assert (await everywhere.get(f"{PAGE}?unit=zenith")).status_code == 200
    for unit in ("", "zenith", "acme"):
        assert (await press(north, {"unit": unit, "set.hours": "1"}, unit="north")).status_code == 404
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0
    assert (await everywhere.get("/settings/p-no-such")).status_code == 404


async def test_every_kind_of_field_is_drawn_from_the_schema_with_label_help_and_control(desk: Desk, tree: Any) -> None:
    page = (await (await administrator(desk, "adam")).get(PAGE)).text
    shown = (
        "Words above the page.", "Answers within (hours)", "Plain and short", "Monday", "One on each line.",
        "never shown again", "<h2>Connection</h2>", 'placeholder="mail.example.org"', "Try it out",
        '<textarea class="input" id="set.greeting"', 'type="password"', 'type="date"', 'inputmode="decimal"',
        'type="checkbox" id="set.polite"', '<select class="input" id="set.tone"',
    )  # fmt: skip
    assert [each for each in shown if each not in page] == []
    listed = (await (await desk.signed_in("adam")).get("/settings")).text
    assert "Promises to complainants" in listed
    assert 'href="/settings/p-dummy"' in listed
    await desk.disable("dummy")
    assert "p-dummy" not in (await (await desk.signed_in("adam")).get("/settings")).text


async def test_a_value_comes_from_the_nearest_place_and_the_page_says_from_which(
    desk: Desk, tree: dict[str, Any]
) -> None:
    adam = await administrator(desk, "adam")
    assert (await press(adam, {"set.hours": "48"})).status_code == 303
    assert (
        await press(adam, {"set.hours": "8", "set.limit": "12,50", "set.days": ["mon", "wed"]}, unit="north")
    ).status_code == 303
    values = {key: (await held(tree[key]))["hours"] for key in tree}
    assert values == {"acme": 48, "zenith": 48, "north": 8, "north-team": 8}
    assert str((await held(tree["north-team"]))["limit"]) == "12.50"
    assert (await held(tree["north"]))["days"] == ["mon", "wed"]
    team = (await adam.get(f"{PAGE}?unit=north-team")).text
    assert "Inherited from North" in team
    assert "Set for the whole desk" in (await adam.get(f"{PAGE}?unit=zenith")).text
    north = (await adam.get(f"{PAGE}?unit=north")).text
    assert "Use what is inherited instead: 48 hours" in north
    assert (await press(adam, {"unset.hours": "on"}, unit="north")).status_code == 303
    assert (await held(tree["north"]))["hours"] == 48
    assert (await press(adam, {"unset.hours": "on"})).status_code == 303
    assert (await held(tree["north"]))["hours"] == 24


async def test_saving_what_was_only_seen_sets_nothing_here(desk: Desk, tree: dict[str, Any]) -> None:
    adam = await administrator(desk, "adam")
    seen = form_of((await adam.get(f"{PAGE}?unit=north")).text)
    await press(adam, {"set.hours": "48", "set.polite": None})
    answer = await press(adam, {"set.tone": "plain"}, unit="north", base=seen)
    assert answer.status_code == 303
    assert (await settings.levels("p-dummy", tree["north"]))[0].values == {"tone": "plain"}
    assert ((await held(tree["north"]))["hours"], (await held(tree["north"]))["polite"]) == (48, False)


async def test_what_holds_everywhere_alike_is_set_for_the_whole_desk_only(desk: Desk, tree: dict[str, Any]) -> None:
    adam = await administrator(desk, "adam")
    page = (await adam.get(f"{PAGE}?unit=north")).text
    assert 'name="set.hosts"' not in page
    assert "The same everywhere; it is changed for the whole desk." in page
    await press(adam, {"set.hosts": "a.example", "set.hours": "2"}, unit="north")
    assert ((await held(tree["north"]))["hosts"], (await held(tree["north"]))["hours"]) == (None, 2)
    await press(adam, {"set.hosts": "a.example\r\nb.example"})
    assert (await held(tree["north"]))["hosts"] == ["a.example", "b.example"]


async def test_what_does_not_fit_is_said_beside_its_field_and_nothing_typed_is_lost(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    typed = {"set.hours": "99", "set.greeting": "Good <day>", "set.address": "", "set.password": SECRET}
    answer = await press(adam, typed)
    assert answer.status_code == 422
    for words in ("Give at most 72 hours.", 'href="#set.hours"', "Good &lt;day&gt;", 'value="99"', "This is needed.",
                  "Type it again: it is kept nowhere before it is saved."):  # fmt: skip
        assert words in answer.text, words
    assert SECRET not in answer.text
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0


async def test_a_secret_is_used_by_the_plugin_and_seen_by_nobody(desk: Desk, tree: dict[str, Any], caplog: Any) -> None:
    adam = await administrator(desk, "adam")
    answers = [
        await press(adam, {"set.password": SECRET}, do="/try"),
        await press(adam, {"set.password": SECRET, "set.address": "raise"}, do="/try"),
        await press(adam, {"set.password": SECRET, "set.address": "misconfigured"}),
        await press(adam, {"set.password": SECRET, "set.address": "refuse"}, do="/try", **{"hx-request": "true"}),
        await press(adam, {"set.password": SECRET, "set.hours": "bad"}),
        await press(adam, {"set.password": SECRET}),
    ]
    assert [each.status_code for each in answers] == [200, 200, 422, 200, 422, 303]
    assert "••• from Adam" in answers[0].text
    assert (await held())["password"] == SECRET
    answers += [
        await adam.get(path) for path in (PAGE, f"{PAGE}?unit=north", "/settings", "/settings/history", "/plugins")
    ]
    assert "by Adam" in answers[6].text
    assert "Password: was set" in answers[9].text
    conflict = await press(adam, {"set.password": SECRET + "2", "version": "0"})
    assert "A new secret. Type it again." in conflict.text
    for each in (*answers, conflict):
        assert SECRET not in each.text + str(each.headers)
    for row in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        dump = "".join(
            str(dict(one)) for one in await db.fetch(f'SELECT to_jsonb(t) AS row FROM "{row["tablename"]}" t')
        )
        assert SECRET not in dump, row["tablename"]
        assert SECRET.encode().hex() not in dump, row["tablename"]
    assert SECRET not in caplog.text
    await press(adam, {"set.password": "another"}, unit="north")
    assert ((await held(tree["north-team"]))["password"], (await held())["password"]) == ("another", SECRET)
    await press(adam, {"unset.password": "on"}, unit="north")
    assert (await held(tree["north-team"]))["password"] == SECRET
    assert (await verify()).broken == ""


async def test_trying_it_out_says_what_works_and_saves_nothing(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    answer = await press(adam, {"set.greeting": "Good day"}, do="/try")
    assert answer.status_code == 200
    assert "It works." in answer.text
    assert "mail.example.org took None from Adam" in answer.text
    assert "Good day" in answer.text
    part = await press(adam, {"set.greeting": "Good day"}, do="/try", **{"hx-request": "true"})
    assert part.headers["hx-retarget"] == "#tried"
    assert "<html" not in part.text
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0


async def test_what_does_not_work_is_saved_only_when_one_says_so(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    refused = await press(adam, {"set.address": "refuse"})
    assert refused.status_code == 422
    assert "refuse took None from Adam and refused. Check the name." in refused.text
    assert 'name="anyway"' in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0
    saved = await press(adam, {"anyway": "on"}, base=form_of(refused.text))
    assert saved.status_code == 303
    assert (await held())["address"] == "refuse"
    assert "Saved though it did not work when tried" in (await adam.get("/settings/history")).text


@pytest.mark.parametrize("address", ["hang", "raise", "rubbish"])
async def test_a_try_out_that_misbehaves_is_the_plugins_fault_and_blocks_nothing(
    desk: Desk, tree: Any, address: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(setting_trying, "SECONDS", 0.2)
    adam = await administrator(desk, "adam")
    tried = await press(adam, {"set.address": address}, do="/try")
    assert "Dummy could not try this out" in tried.text
    assert "fault of the plugin" in tried.text
    saved = await press(adam, {"set.address": address})
    assert saved.status_code == 303
    assert (await held())["address"] == address
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy' AND place = 'try_out'") == 2


async def test_no_provider_runs_inside_a_transaction(desk: Desk, tree: Any, monkeypatch: Any) -> None:
    adam = await administrator(desk, "adam")
    seen = []

    async def look(candidate: Any, context: Any) -> Any:
        import ombud_plugin_api as api

        seen.append(db.in_transaction())
        return api.Tried(True, "")

    (given,) = running.loaded["dummy"].settings
    monkeypatch.setattr(type(given), "try_out", look, raising=False)
    object.__setattr__(given, "try_out", look)
    assert (await press(adam, {"set.hours": "3"})).status_code == 303
    assert seen == [False]


async def test_two_administrators_at_once_see_both_sides_and_lose_nothing(desk: Desk, tree: Any) -> None:
    adam, eva = await administrator(desk, "adam"), await administrator(desk, "eva")
    seen = form_of((await eva.get(PAGE)).text)
    await press(adam, {"set.hours": "48", "set.tone": "plain"})
    answer = await press(eva, {"set.hours": "12", "set.greeting": "My long and careful words"}, base=seen)
    assert answer.status_code == 409
    for words in ("Adam changed this while you were writing", "12 hours", "48 hours", "My long and careful words"):
        assert words in answer.text, words
    assert (await held())["hours"] == 48
    again = await press(eva, {}, base=form_of(answer.text))
    assert again.status_code == 303
    now = await held()
    assert (now["hours"], now["greeting"], now["tone"]) == (12, "My long and careful words", "plain")


async def test_of_two_that_save_at_the_same_moment_one_is_told(desk: Desk, tree: Any) -> None:
    adam, eva = await administrator(desk, "adam"), await administrator(desk, "eva")
    first, second = [form_of((await each.get(PAGE)).text) for each in (adam, eva)]
    answers = await asyncio.gather(
        press(adam, {"set.hours": "3"}, base=first), press(eva, {"set.hours": "4"}, base=second)
    )
    assert sorted(each.status_code for each in answers) == [303, 409]
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'setting.changed'") == 1


async def test_a_form_without_a_version_is_refused(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    assert (await press(adam, {"version": None, "set.hours": "3"})).status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0


async def test_the_history_tells_who_changed_what_from_what_to_what_and_only_where_one_may_look(
    desk: Desk, tree: dict[str, Any]
) -> None:
    adam, nora = await administrator(desk, "adam"), await administrator(desk, "nora", "north")
    await press(adam, {"set.hours": "48", "set.polite": None})
    await press(nora, {"set.hours": "8", "set.since": "2026-01-02"}, unit="north")
    await press(adam, {"set.days": ["tue"]}, unit="zenith")
    page = re.sub(r"<[^>]+>", " ", (await adam.get("/settings/history")).text)
    page = re.sub(r"\s+", " ", page)
    for words in ("Answers within: the default → became 48 hours", "Polite: the default → became no",
                  "Since: what is inherited → became 2026-01-02", "Open on: what is inherited → became Tuesday",
                  "The whole desk Adam", "North Nora", "Zenith Adam"):  # fmt: skip
        assert words in page, words
    own = (await nora.get("/settings/history")).text
    assert "8 hours" in own
    for hidden in ("48 hours", "Tuesday", "Zenith"):
        assert hidden not in own
    assert (await nora.get("/settings/history?unit=zenith")).status_code == 404
    assert ">8 hours" not in (await adam.get("/settings/history?unit=*")).text
    assert ">48 hours" not in (await adam.get("/settings/history?group=promises")).text
    await desk.disable("dummy")
    assert "48" in (await adam.get("/settings/history")).text
    assert (await verify()).broken == ""


async def test_the_history_is_read_page_by_page(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    for number in range(1, 56):
        await settings.change(SYSTEM, "p-dummy", settings.Change({"hours": number}))
    first = (await adam.get("/settings/history?group=p-dummy")).text
    assert first.count('id="entry-') == 50
    following = html.unescape(re.search(r'href="(/settings/history\?[^"]*before=[^"]+)"', first).group(1))  # type: ignore[union-attr]
    last = (await adam.get(following)).text
    assert last.count('id="entry-') == 5
    assert "before=" not in last


async def test_the_plugins_page_leads_to_the_settings_of_who_may_change_them(desk: Desk, tree: Any) -> None:
    adam = await administrator(desk, "adam")
    assert 'href="/settings/p-dummy"' in (await adam.get("/plugins")).text
    await db.execute("UPDATE core_role SET permissions = array_remove(permissions, 'setting.manage')")
    assert 'href="/settings/p-dummy"' not in (await adam.get("/plugins")).text
