"""A case as it was at a moment: from the ledger alone, under the policy, and after changes and erasure."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision
from ombud.desk.redress.lines import RedressGiven
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust import checkpoints, vault


async def _changed(desk: Desk) -> dict[str, Any]:
    """A case; then it is changed, decided with redress, answered and reopened. `moments`: after each step."""
    filed = await desk.file("The fee was taken twice.")
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    moments = {"filed": await _last()}
    await cases.change(leader, filed.case_id, {"priority": "high", "title": "Fee twice"}, 1)
    moments["changed"] = await _last()
    line = RedressGiven("money", Decimal("40.00"), "EUR")
    await aspects.decide_aspect(leader, aspect, Decision("upheld", "The fee was booked twice.", "", (line,)), 1)
    await messages.write(agent, filed.case_id, "note", "I rang the branch.")
    moments["decided"] = await _last()
    await aspects.reopen(leader, aspect, "New evidence came.")
    moments["reopened"] = await _last()
    return {"filed": filed, "aspect": aspect, "moments": moments, "at": f"/cases/{filed.reference}/as-of"}


async def _last() -> datetime:
    return await db.fetchval("SELECT max(at) FROM core_ledger_entry WHERE stream LIKE 'case/%'")


async def _shown(browser: Any, case: dict[str, Any], moment: str) -> str:
    answer = await browser.get(case["at"], params={"at": case["moments"][moment].isoformat()})
    assert answer.status_code == 200
    return answer.text


async def test_each_moment_shows_what_held_then(desk: Desk) -> None:
    case, leader = await _changed(desk), await desk.signed_in("leader")
    filed = await _shown(leader, case, "filed")
    assert "<dd>Normal</dd>" in filed
    assert "The fee was taken twice." in filed
    assert "Helena Marsh" in filed
    assert "Fee twice" not in filed
    changed = await _shown(leader, case, "changed")
    assert "<dd>High</dd>" in changed
    assert "Fee twice" in changed
    assert "None yet" in changed
    decided = await _shown(leader, case, "decided")
    for words in ("<dd>Upheld</dd>", "The fee was booked twice.", "Money 40.00 EUR", "I rang the branch."):
        assert words in decided, words
    reopened = await _shown(leader, case, "reopened")
    assert "<dd>Upheld</dd>" not in reopened
    assert "The fee was booked twice." not in reopened


async def test_it_is_told_by_the_ledger_and_not_by_the_tables(desk: Desk) -> None:
    case, leader = await _changed(desk), await desk.signed_in("leader")
    await db.execute("UPDATE core_case SET priority = 'low', title = 'Forged'")
    await db.execute("UPDATE core_aspect SET outcome = 'not_upheld'")
    decided = await _shown(leader, case, "decided")
    assert "<dd>High</dd>" in decided
    assert "<dd>Upheld</dd>" in decided
    assert "Forged" not in decided


async def test_it_says_which_entry_and_checkpoint_prove_it(desk: Desk) -> None:
    case, leader = await _changed(desk), await desk.signed_in("leader")
    assert "No checkpoint holds it yet" in await _shown(leader, case, "reopened")
    await checkpoints.make_checkpoint()
    shown = await _shown(leader, case, "changed")
    entry = await db.fetchrow(
        "SELECT seq, hash FROM core_ledger_entry WHERE stream = $1 AND at <= $2 ORDER BY seq DESC LIMIT 1",
        f"case/{case['filed'].case_id}",
        case["moments"]["changed"],
    )
    assert f"number {entry['seq']}" in shown
    assert entry["hash"].hex() in shown
    assert "holds it, made" in shown
    assert "entries came later" in shown


async def test_a_day_before_the_case_and_what_is_no_day_are_answered(desk: Desk) -> None:
    case, leader = await _changed(desk), await desk.signed_in("leader")
    before = case["moments"]["filed"] - timedelta(days=2)
    assert "There was no case yet" in (await leader.get(case["at"], params={"at": before.date().isoformat()})).text
    today = await leader.get(case["at"], params={"at": case["moments"]["filed"].date().isoformat()})
    assert today.status_code == 200
    for wrong in ("yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "2026-11-23T99:00"):
        answer = await leader.get(case["at"], params={"at": wrong})
        assert answer.status_code == 422, wrong
        assert f'value="{wrong}"' in answer.text
    trail = (await leader.get(f"/cases/{case['filed'].reference}/history")).text
    assert f'href="{case["at"]}"' in trail


async def test_who_may_not_see_the_trail_or_whom_an_aspect_is_about_sees_nothing(desk: Desk) -> None:
    case = await _changed(desk)
    assert (await (await desk.signed_in("agent")).get(case["at"])).status_code == 403
    await aspects.concern(await desk.viewer("leader"), case["aspect"], (await desk.viewer("compliance")).user_id)
    assert (await (await desk.signed_in("compliance")).get(case["at"])).status_code == 403
    await db.execute("UPDATE core_case SET confidential = TRUE, owner_id = NULL")
    assert (await (await desk.signed_in("leader")).get(case["at"])).status_code == 404


async def test_who_may_not_see_names_gets_none_and_erased_words_are_gone_but_told(desk: Desk) -> None:
    case = await _changed(desk)
    await db.execute("INSERT INTO core_role (key, label, permissions) VALUES ('auditor', 'Auditor', "
                     "'{case.history,case.read}')")  # fmt: skip
    auditor, leader = await desk.signed_in("auditor"), await desk.signed_in("leader")
    shown = await _shown(auditor, case, "filed")
    assert "Helena Marsh" not in shown
    assert "The fee was taken twice." in shown
    person = await db.fetchval("SELECT person_id FROM core_party WHERE role = 'complainant'")
    await vault.destroy_subject(f"person/{person}")
    erased = await _shown(leader, case, "decided")
    assert "cannot be read any more" in erased
    assert "The fee was booked twice." not in erased
    assert "<dd>Upheld</dd>" in erased
