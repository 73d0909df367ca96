"""From the file of the bureau to the file of responses, through the pages."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ombud.desk import aspects
from ombud.desk.aspects import Decision
from ombud.desk.clocks import watching
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import ledger

HEAD = "Complaint ID,Date sent to company,Product,Issue,Consumer complaint narrative\n"


def sent(days_ago: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days_ago)).isoformat()


async def switch_on(desk: Desk) -> None:
    await desk.enable("cfpb")
    await db.execute("UPDATE core_unit SET country = 'US', time_zone = 'America/New_York'")
    await db.execute(
        "INSERT INTO core_setting (id, key, value, changed_at) VALUES (gen_random_uuid(), 'p-cfpb', $1, now())",
        {"value": {"applies": "always"}},
    )


async def upload(who: Browser, text: str, unit: str = "main") -> Any:
    return await who.submit(
        "/p/cfpb/imports",
        {"unit": unit},
        page="/p/cfpb/imports",
        files={"file": ("portal.csv", text.encode(), "text/csv")},
    )


async def imported(desk: Desk, *rows: str) -> Browser:
    await switch_on(desk)
    leader = await desk.signed_in("leader")
    answer = await upload(leader, HEAD + "".join(f"{each}\n" for each in rows))
    assert answer.status_code == 303, answer.text
    await desk.work()
    await watching.start_waiting()
    return leader


async def case_of(number: str) -> Any:
    return await db.fetchrow(
        "SELECT c.id, c.reference, c.channel FROM core_case c JOIN cfpb_complaint b ON b.case_id = c.id "
        "WHERE b.complaint_id = $1", number,
    )  # fmt: skip


async def policy(case_id: Any) -> str:
    return str(await db.fetchval("SELECT policy FROM core_clock WHERE case_id = $1 AND key = 'cfpb.response'", case_id))


async def decided(desk: Desk, case_id: Any, outcome: str = "not_upheld") -> None:
    leader = await desk.viewer("leader")
    for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1", case_id):
        await aspects.decide_aspect(leader, row["id"], Decision(outcome, "No.", "no_cause_found"), None)


async def respond(who: Browser, reference: str, code: str, **more: str) -> Any:
    address = f"/p/cfpb/cases/{reference}/response"
    given = {"response": code, "public_response": "isolated_error", "explanation": "We looked at it.", **more}
    return await who.submit(address, given, page=address)


async def test_a_file_makes_each_complaint_once_and_says_what_became_of_its_rows(desk: Desk) -> None:
    leader = await imported(
        desk, f"1,{sent(2)},Card,Fees,The fee was taken twice.", f"2,{sent(2)},Card,Fees,", "3,soon,,Fees,"
    )
    again = await upload(leader, f"{HEAD}1,{sent(2)},Card,Fees,The fee was taken twice.\n")
    assert again.status_code == 303
    await desk.work()
    html = (await leader.get("/p/cfpb/imports")).text
    assert "2 complaints: 2 filed, 0 known before, 1 refused" in html
    assert "Line 4: the day on which it was sent to the company cannot be read" in html
    assert "1 complaints: 0 filed, 1 known before, 0 refused" in html
    assert await db.fetchval("SELECT count(*) FROM core_case") == 2
    case = await case_of("1")
    assert case["channel"] == "cfpb"
    assert await policy(case["id"]) == "cfpb.response/first"
    page = (await leader.get(f"/cases/{case['reference']}")).text
    assert "CFPB complaint 1" in page


async def test_where_it_is_not_switched_on_nothing_comes_in_and_no_clock_runs(desk: Desk) -> None:
    await desk.enable("cfpb")
    await db.execute("UPDATE core_unit SET country = 'US'")
    leader = await desk.signed_in("leader")
    assert "No unit takes complaints of the CFPB" in (await leader.get("/p/cfpb/imports")).text
    refused = await leader.submit("/p/cfpb/imports", {"unit": "main"}, page="/parties",
                                  files={"file": ("a.csv", HEAD.encode(), "text/csv")})  # fmt: skip
    assert refused.status_code == 422
    filed = await desk.file("The fee was taken twice.", channel="cfpb")
    await watching.start_waiting()
    assert await policy(filed.case_id) == "None"


async def test_a_response_that_ends_it_needs_a_decision_and_goes_out_as_a_draft_file(desk: Desk) -> None:
    leader = await imported(desk, f"1,{sent(3)},Card,Fees,The fee was taken twice.")
    case = await case_of("1")
    early = await respond(leader, case["reference"], "closed_with_explanation")
    assert early.status_code == 422
    assert "Decide the matters of the case first" in early.text
    assert "We looked at it." in early.text, "what was typed stays"
    await decided(desk, case["id"])
    form = (await leader.get(f"/p/cfpb/cases/{case['reference']}/response")).text
    assert re.search(r'value="closed_with_explanation" checked', form), "it is proposed"
    assert "Untimely response" not in form
    assert (await respond(leader, case["reference"], "untimely_response")).status_code == 422
    assert (await respond(leader, case["reference"], "closed_with_explanation", explanation="")).status_code == 422
    done = await respond(leader, case["reference"], "closed_with_explanation", explanation="=SUM(A1)")
    assert done.status_code == 303
    await leader.submit("/p/cfpb/batches", {}, page="/p/cfpb/complaints")
    batch = await db.fetchval("SELECT batch FROM cfpb_complaint")
    file = await leader.get(f"/p/cfpb/batches/{batch}/responses.csv")
    assert 'filename="draft-cfpb-responses-' in file.headers["content-disposition"]
    (line,) = csv.DictReader(io.StringIO(file.text))
    assert line["Complaint ID"] == "1"
    assert line["Company response to consumer"] == "Closed with explanation"
    assert line["Status"] == "draft: contains unverified codes"
    assert line["Explanation"] == "'=SUM(A1)", "a spreadsheet must not run it"
    assert "is in a file" in (await respond(leader, case["reference"], "closed_with_explanation")).text
    html = (await leader.get("/p/cfpb/complaints?which=batched")).text
    assert "File of 1 responses" in html
    given = await leader.submit(
        f"/p/cfpb/batches/{batch}/given-in", {"on": sent(0)}, page="/p/cfpb/complaints?which=batched"
    )
    assert given.headers["location"].endswith("which=handed")
    entries = [each for each in await ledger.read([f"case/{case['id']}"]) if each.kind == "cfpb.responded"]
    assert [each.body["response"] for each in entries] == ["closed_with_explanation"]
    assert await db.fetchval("SELECT state FROM cfpb_complaint") == "handed"


async def test_in_progress_gives_60_days_once_and_the_final_response_follows(desk: Desk) -> None:
    leader = await imported(desk, f"1,{sent(3)},Card,Fees,The fee was taken twice.")
    case = await case_of("1")
    assert (await respond(leader, case["reference"], "in_progress", public_response="")).status_code == 303
    await leader.submit("/p/cfpb/batches", {}, page="/p/cfpb/complaints")
    batch = await db.fetchval("SELECT batch FROM cfpb_complaint")
    tomorrow = await leader.submit(
        f"/p/cfpb/batches/{batch}/given-in", {"on": sent(-2)}, page="/p/cfpb/complaints?which=batched"
    )
    assert tomorrow.headers["location"].endswith("which=batched")
    await leader.submit(f"/p/cfpb/batches/{batch}/given-in", {"on": sent(1)}, page="/p/cfpb/complaints?which=batched")
    await watching.start_waiting()
    assert await policy(case["id"]) == "cfpb.response/final"
    due = await db.fetchval("SELECT due_at FROM core_clock WHERE case_id = $1 AND key = 'cfpb.response'", case["id"])
    assert (due - timedelta(hours=12)).date().isoformat() == sent(3 - 60)
    assert "This was given in before" in (await respond(leader, case["reference"], "in_progress")).text
    await decided(desk, case["id"], "not_upheld")
    assert (await respond(leader, case["reference"], "closed_with_explanation")).status_code == 303


async def test_a_file_that_was_not_given_in_comes_apart_and_who_may_not_is_refused(desk: Desk) -> None:
    leader = await imported(desk, f"1,{sent(3)},Card,Fees,The fee was taken twice.")
    agent = await desk.signed_in("agent")
    case = await case_of("1")
    await respond(agent, case["reference"], "in_progress")
    assert (await agent.submit("/p/cfpb/batches", {}, page="/p/cfpb/complaints")).status_code == 403
    assert (await agent.get("/p/cfpb/imports")).status_code == 403
    await leader.submit("/p/cfpb/batches", {}, page="/p/cfpb/complaints")
    batch = await db.fetchval("SELECT batch FROM cfpb_complaint")
    await leader.submit(f"/p/cfpb/batches/{batch}/take-back", {}, page="/p/cfpb/complaints?which=batched")
    assert await db.fetchval("SELECT state FROM cfpb_complaint") == "draft"


async def test_whom_a_matter_is_about_sees_nothing_of_it_here(desk: Desk) -> None:
    await imported(desk, f"1,{sent(3)},Card,Fees,The fee was taken twice.")
    case = await case_of("1")
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    identity = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    matter = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", case["id"])
    assert case["reference"] in (await agent.get("/p/cfpb/complaints")).text
    await aspects.concern(leader, matter, identity)
    assert case["reference"] not in (await agent.get("/p/cfpb/complaints")).text
    assert (await agent.get(f"/p/cfpb/cases/{case['reference']}/response")).status_code == 404
