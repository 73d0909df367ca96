"""Whatever people do with a case, its tables stay what its ledger entries tell, and its export holds elsewhere."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

from ombud.desk import aspects, cases
from ombud.desk.aspects import Decision
from ombud.desk.redress import granting
from ombud.desk.redress.lines import RedressGiven
from ombud.kernel.database import db
from ombud.trust import signing
from ombud.trust.ledger_export import export_case
from ombud.trust.ledger_verify import verify
from ombud.trust.verifier import Check


async def holds() -> None:
    assert (await verify()).broken == ""


async def test_every_change_of_a_case_is_told_as_it_is(stage: Any) -> None:
    filed = await stage.file("The fee was taken twice.", "Nobody called back.", "The letter was rude.")
    agent, leader = await stage.person("agent"), await stage.person("leader")
    first, second, third = [
        row["id"]
        for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    ]
    await holds()
    await cases.take(agent, filed.case_id)
    await cases.change(leader, filed.case_id, {"priority": "high", "severity": 3, "mood": "upset"}, None)
    await aspects.assign(agent, first, agent.user_id)
    await aspects.change(agent, second, {"priority": "urgent", "title": "Call"}, None)
    await holds()
    money = RedressGiven("money", Decimal("25.00"), "EUR", "for the fee")
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was.", "", (money, RedressGiven("apology"))), None)
    await aspects.decide_aspect(agent, second, Decision("not_upheld", "We did call."), None)
    await holds()
    added = (await granting.add_redress(agent, first, RedressGiven("money", Decimal("5.50"), "EUR"))).id
    await granting.reverse_redress(agent, first, added, "Given twice.")
    await aspects.reopen(agent, second, "New evidence.")
    await aspects.reorder(agent, filed.case_id, [third, first, second], None)
    fourth = await aspects.add(agent, filed.case_id, "And the app was down.")
    await holds()
    for each in (second, third, fourth):
        await aspects.decide_aspect(agent, each, Decision("upheld", "Yes."), None)
    await cases.close(agent, filed.case_id)
    await holds()
    await cases.reopen(leader, filed.case_id, "The customer wrote again.")
    await cases.assign(leader, filed.case_id, None)
    await holds()


async def test_the_export_of_a_case_holds_elsewhere_and_opens_what_was_said(stage: Any, tmp_path: Path) -> None:
    filed = await stage.file("The fee was taken twice.")
    await stage.file("Another case.", name="Jan Kowal")
    lines = [line async for line in export_case(filed.reference, lambda entry, opening: True)]
    check = Check()
    check.read(io.BytesIO(b"".join(lines)), await signing.public_key())
    assert "Helena Marsh" in [item["value"] for _, item in check.openings]
    assert b"Jan Kowal" not in b"".join(lines)
    assert len(check.proved) == len(check.sealed_by) >= 2
