"""Emergency access: asked for with a reason, open at once and for reading alone, loud, ending by itself, reviewed."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ombud.desk import aspects, cases, messages
from ombud.desk.bulk import plan
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.colleagues.live import News, told
from ombud.desk.errors import DeskRefusal, NotAllowed, NotFound
from ombud.desk.notices import mine as notices
from ombud.desk.queues import total
from ombud.desk.search.finding import search
from ombud.desk.viewing import emergencies
from ombud.insight import compliance
from ombud.kernel.clock import at, now
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM, Arguments, decide
from ombud.trust.viewing import held

WORDS = "The customer stands at the counter and threatens himself"


@pytest.fixture
async def secret(desk):
    """A confidential case that the agent owns, and a team leader who does not see it."""
    await desk.user("owner", "agent")
    filed = await desk.file("The manager shouted.")
    await cases.take(await desk.viewer("owner"), filed.case_id)
    await cases.set_confidential(SYSTEM, filed.case_id, True, None)
    for name in ("leader", "compliance"):
        await desk.viewer(name)
    return filed


async def _open(browser, reference, reason=WORDS, hours="2"):
    return await browser.submit("/emergency", {"reference": reference, "reason": reason, "hours": hours})


async def test_it_opens_the_case_at_once_says_so_and_shows_the_way_back(desk, secret):
    leader = await desk.signed_in("leader")
    shut = await leader.get(f"/cases/{secret.reference}")
    assert shut.status_code == 404
    assert f'href="/emergency?reference={secret.reference}"' in shut.text
    assert (await _open(leader, secret.reference)).headers["location"] == f"/cases/{secret.reference}"
    page = await leader.get(f"/cases/{secret.reference}")
    assert page.status_code == 200
    assert "You see this case by emergency access until" in page.text
    assert re.search(r"\(\d h \d+ min left\)", page.text)
    why = (await leader.get(f"/cases/{secret.reference}/access")).text
    assert "You opened it by emergency access, for reading alone." in why
    assert "Your role shows you" not in why
    ended = await leader.submit(f"/cases/{secret.reference}/emergency/end", {}, page=f"/cases/{secret.reference}")
    assert ended.status_code == 303
    assert (await leader.get(f"/cases/{secret.reference}")).status_code == 404


async def test_every_surface_follows_the_one_policy(desk, secret):
    leader, owner = await desk.viewer("leader"), await desk.viewer("owner")
    await messages.write(owner, secret.case_id, "note", "Look into the quixotic manager.")
    api = await desk.api("leader")
    event = News(secret.case_id, "case.changed", 1, "system")

    async def seen(viewer) -> list[bool]:
        listed = await list_cases(viewer, CaseFilters())
        found = await search(viewer, "quixotic")
        return [
            secret.reference in {row.reference for row in listed.rows}, any(part.rows for part in found.parts),
            (await api.get(f"/api/v1/cases/{secret.reference}")).status_code == 200,
            (await api.get("/api/v1/cases")).json()["total"] == 1, await total(viewer) == 1,
            bool((await told([viewer], [event]))[0]),
        ]  # fmt: skip

    await desk.work()
    assert not any(await seen(leader))
    await emergencies.begin(leader, secret.reference, WORDS, 1)
    opened = await desk.viewer("leader")
    assert await seen(opened) == [True] * 6
    with at(now() + timedelta(minutes=61)):
        assert opened.opened() == []
        assert secret.reference not in {row.reference for row in (await list_cases(opened, CaseFilters())).rows}
    with pytest.raises(NotFound):  # it is for reading alone
        await messages.write(opened, secret.case_id, "note", "No.")
    page = await case_page(opened, secret.reference)
    assert [each.key for each in page.actions if each.allowed] == []
    with pytest.raises(DeskRefusal):  # what a token may not read, its emergency does not open
        await plan.choose(replace(opened, scopes=frozenset()), references=[secret.reference])


async def test_who_may_not_is_refused_and_is_told_nothing_of_what_exists(desk, secret):
    with pytest.raises(NotAllowed):
        await emergencies.begin(await desk.viewer("agent"), secret.reference, WORDS, 1)
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    assert (await agent.get("/emergency")).status_code == 403
    assert "Emergency access" not in (await agent.get(f"/cases/{secret.reference}")).text
    missing = await _open(leader, "OMB-00000-0")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", (await desk.viewer("leader")).user_id)
    about_them = await _open(leader, secret.reference)
    assert (missing.status_code, about_them.status_code) == (404, 404)
    named = [answer.text.replace(ref, "") for answer, ref in ((missing, "OMB-00000-0"),
                                                              (about_them, secret.reference))]  # fmt: skip
    tidy = [re.sub(r'name="_csrf" value="[^"]+"', "", text) for text in named]
    assert tidy[0] == tidy[1]
    assert await db.fetchval("SELECT count(*) FROM core_emergency") == 0


async def test_a_form_that_does_not_fit_keeps_what_was_typed(desk, secret):
    leader = await desk.signed_in("leader")
    for wrong in ({"reason": ""}, {"reason": "because"}, {"hours": "5"}, {"hours": "x"}):
        answer = await _open(leader, secret.reference, **{"reason": WORDS, "hours": "1", **wrong})
        assert answer.status_code == 422, wrong
        assert secret.reference in answer.text
    assert await db.fetchval("SELECT count(*) FROM core_emergency") == 0


async def test_a_unit_can_shut_it_and_a_token_cannot_open_it(desk, secret):
    leader, api = await desk.viewer("leader"), await desk.api("leader")
    refused = await api.post("/emergency", data={"reference": secret.reference, "reason": WORDS, "hours": "1"})
    assert refused.status_code == 403
    await group_settings.change(SYSTEM, "viewing", Change(values={"emergency_hours": 0}))
    with pytest.raises(NotFound):
        await emergencies.begin(leader, secret.reference, WORDS, 1)


async def test_an_aspect_about_the_person_stays_shut_also_where_it_is_found_out_later(desk, secret):
    leader = await desk.viewer("leader")
    await emergencies.begin(leader, secret.reference, WORDS, 1)
    opened = await desk.viewer("leader")
    assert (await case_page(opened, secret.reference)).case.reference == secret.reference
    await aspects.concern(SYSTEM, await db.fetchval("SELECT id FROM core_aspect"), leader.user_id)
    with pytest.raises(NotFound):
        await case_page(opened, secret.reference)


async def test_it_is_loud_in_the_ledger_and_to_whom_it_concerns(desk, secret):
    await emergencies.begin(await desk.viewer("leader"), secret.reference, WORDS, 1)
    await desk.work()
    told_to = {}
    for name in ("owner", "compliance", "leader"):
        told_to[name] = [(each.kind, each.href) for each in (await notices.mine(await desk.viewer(name)))[0]]
    assert ("emergency", f"/cases/{secret.reference}") in told_to["owner"]
    assert told_to["compliance"] == [("emergency_review", "/administration/emergencies")]
    assert told_to["leader"] == []
    row = await db.fetchrow("SELECT body::text AS body, sealed FROM core_ledger_entry WHERE kind = 'emergency.opened'")
    assert WORDS not in row["body"]
    assert list(row["sealed"]) == ["reason"]
    trail = (await (await desk.signed_in("compliance")).get(f"/cases/{secret.reference}/history")).text
    assert "Leader opened the case by emergency access, for 1 h at most" in trail


async def test_somebody_else_reviews_it_and_what_was_not_justified_ends(desk, secret):
    await desk.user("second", "compliance")
    officer = await desk.viewer("compliance")
    await emergencies.begin(await desk.viewer("leader"), secret.reference, WORDS, 2)
    leader, browser = await desk.signed_in("leader"), await desk.signed_in("compliance")
    await leader.get(f"/cases/{secret.reference}")
    await held.write()
    here = "/administration/emergencies"
    shown = (await browser.get(here)).text
    for words in (WORDS, f"Leader opened {secret.reference}", "looked at it once"):
        assert words in shown, words
    assert (await leader.get(here)).status_code == 403
    identity = await db.fetchval("SELECT id FROM core_emergency")
    for wrong in ({"justified": "", "words": "x y z"}, {"justified": "yes", "words": ""}):
        answer = await browser.submit(f"{here}/{identity}/review", wrong, page=here)
        assert answer.status_code == 422
    done = await browser.submit(f"{here}/{identity}/review", {"justified": "no", "words": "No call came."}, page=here)
    assert done.status_code == 303
    assert (await leader.get(f"/cases/{secret.reference}")).status_code == 404
    assert WORDS not in (await browser.get(here)).text
    kept = (await browser.get(f"{here}?which=all")).text
    assert "Not justified" in kept
    assert "No call came." in kept
    again = await browser.submit(f"{here}/{identity}/review", {"justified": "yes", "words": "It was."}, page=here)
    assert again.status_code == 409
    assert "Not justified" in (await leader.get("/emergency")).text
    kinds = [row["kind"] for row in await db.fetch(
        "SELECT kind FROM core_ledger_entry WHERE kind LIKE 'emergency.%' ORDER BY id")]  # fmt: skip
    assert kinds == ["emergency.opened", "emergency.ended", "emergency.reviewed"]
    with pytest.raises(NotFound):
        await emergencies.end(await desk.viewer("owner"), identity)
    await cases.assign(SYSTEM, secret.case_id, None)
    await db.execute("UPDATE core_emergency SET user_id = $1, reviewed_at = NULL, reviewed_by = NULL, justified = NULL",
                     officer.user_id)  # fmt: skip
    with pytest.raises(NotAllowed):
        await emergencies.review(officer, identity, True, "My own.")
    await emergencies.review(await desk.viewer("second"), identity, True, "She was right.")


async def test_a_review_that_is_late_is_a_gap_of_the_compliance_report(desk, secret):
    with at(now() - timedelta(days=8)):
        await emergencies.begin(await desk.viewer("leader"), secret.reference, WORDS, 1)
    officer = await desk.viewer("compliance")

    async def controls():
        report = await compliance.report(officer)
        return {each.code: (each.figure, bool(each.gap)) for _, group in report.groups for each in group}

    found = await controls()
    assert (found["emergencies"], found["unreviewed"]) == (("1", False), ("1", True))
    text = (await (await desk.signed_in("compliance")).get("/administration/emergencies")).text
    assert "Review is overdue" in text
    await emergencies.review(officer, await db.fetchval("SELECT id FROM core_emergency"), True, "It was needed.")
    assert (await controls())["unreviewed"] == ("0", False)


async def test_the_explanation_is_the_policy_itself(desk, secret):
    """Each way is a part of `where`, and together they are all of it."""
    await desk.file("An open one.")
    viewers = [await desk.viewer(name) for name in ("owner", "leader", "compliance", "administrator", "quality")]
    await emergencies.begin(viewers[1], secret.reference, WORDS, 1)
    for viewer in [*viewers, await desk.viewer("leader")]:
        for permission in ("case.read", "case.write", "case.history"):
            arguments = Arguments()
            grant = decide(viewer, permission, "case")
            ways = " OR ".join(grant.ways("c", arguments).values()) or "FALSE"
            differing = await db.fetchval(
                f"SELECT count(*) FROM core_case c WHERE coalesce(({ways}), FALSE) <> "
                f"coalesce({grant.where('c', arguments)}, FALSE)",
                *arguments.values,
            )
            assert differing == 0, (viewer.name, permission)


async def test_the_page_says_by_which_role_one_sees_a_case_and_who_could_say_more(desk, secret):
    filed = await desk.file("An open one.")
    texts = {}
    for name, reference in (("owner", secret.reference), ("compliance", secret.reference), ("agent", filed.reference),
                            ("quality", filed.reference)):  # fmt: skip
        answer = await (await desk.signed_in(name)).get(f"/cases/{reference}/access")
        assert answer.status_code == 200
        texts[name] = answer.text
    assert "You own this case" in texts["owner"]
    assert "Your role shows you confidential cases of this unit." in texts["compliance"]
    assert "Compliance officer in " in texts["compliance"]
    assert "Your role shows you the cases of this unit." in texts["agent"]
    assert "All are shown to you" in texts["agent"]
    assert "4 are not shown to you" not in texts["agent"]
    assert "These do: Agent, Compliance officer, Team leader." in texts["quality"]
    assert re.search(r"Ask [^.]*Agent, Compliance, Leader, Owner\.", texts["quality"])
    page = await (await desk.signed_in("quality")).get(f"/cases/{filed.reference}")
    assert f'href="/cases/{filed.reference}/access#fields"' in page.text
    assert (await (await desk.signed_in("agent")).get(f"/cases/{secret.reference}/access")).status_code == 404
