"""Redress through the front door: the aspect's part, the calculator, approvals, payments, rates and limits."""

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

from ombud.desk.redress.payments import service
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.policy import SYSTEM

IBAN = "DE89370400440532013000"
REASON = "The fee was taken twice by a double run."


async def _aspect(desk: Any) -> tuple[str, Any, str]:
    filed = await desk.file("The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    return f"/cases/{filed.reference}/aspects/{aspect}", aspect, filed.reference


async def _rate(desk: Any, send: Any) -> str:
    admin = await desk.signed_in("administrator")
    made = await send(admin, "/rates", "/rates", label="Simple interest", note="As the ombudsman adds it")
    rate = made.headers["location"]
    await send(
        admin, rate, f"{rate}/values", valid_from="2015-01-01", percent="8", source="Ombudsman, how we award interest"
    )
    return str(rate)


async def test_redress_above_the_limit_waits_for_a_leader_who_approves_it_and_the_case_page_says_so(desk, send, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    at, _, reference = await _aspect(desk)
    done = await send(
        agent, f"{at}/decide", f"{at}/decide", outcome="upheld", reason=REASON, redress_kind="money",
        redress_amount="300", redress_currency="EUR", follow=True,
    )  # fmt: skip
    assert "waits for a second person" in done.text
    part = await agent.get(f"{at}/redress")
    assert "You may give up to €250.00 in a case" in part.text
    assert "Waits for a second person" in part.text
    mine = await agent.get("/redress")
    assert "Asked by you" in mine.text
    assert not any(action.endswith("/approve") for _, action, _ in forms(mine.text).found)
    listed = await leader.get("/redress")
    assert reference in listed.text
    approve = next(action for _, action, _ in forms(listed.text).found if action.endswith("/approve"))
    refuse = approve.replace("/approve", "/refuse")
    unreasoned = await send(leader, "/redress", refuse, reason=" ")
    assert unreasoned.status_code == 422
    assert (await agent.submit(approve, {"hash": "x"}, page="/redress")).status_code == 409
    stale = await leader.submit(approve, {"hash": "0" * 64}, page="/redress")
    assert stale.status_code == 409
    assert "was changed by somebody else meanwhile" in stale.text
    assert (await send(leader, "/redress", approve, follow=True)).text.count("approved and granted") == 1
    after = await agent.get(f"{at}/redress")
    assert "Approved by a second person" in after.text
    assert "Nothing waits" in (await leader.get("/redress")).text


async def test_whoever_asked_changes_and_withdraws_and_a_refusal_is_read_with_its_reason(desk, send, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    at, _, _ = await _aspect(desk)
    part = f"{at}/redress"
    await send(agent, part, part, kind="money", amount="300", currency="EUR", note="For the fee")
    change = next(a for _, a, _ in forms((await agent.get(part)).text).found if a.endswith("/change"))
    wrong = await send(agent, part, change, amount="a lot")
    assert wrong.status_code == 422
    assert (await send(agent, part, change, amount="400", note="For the fee")).status_code == 303
    listed = (await leader.get("/redress")).text
    assert "€400.00" in listed
    refuse = next(a for _, a, _ in forms(listed).found if a.endswith("/refuse"))
    await send(leader, "/redress", refuse, reason="We pay 120 for this.")
    shown = (await agent.get(part)).text
    assert "We pay 120 for this." in shown
    await send(agent, part, part, kind="money", amount="500", currency="EUR")
    withdraw = next(a for _, a, _ in forms((await agent.get(part)).text).found if a.endswith("/withdraw"))
    assert (await send(agent, part, withdraw)).status_code == 303
    assert "Nothing waits" in (await leader.get("/redress")).text


async def test_interest_is_reckoned_with_its_working_kept_and_given(desk, send, forms):
    agent = await desk.signed_in("agent")
    await _rate(desk, send)
    at, aspect, _ = await _aspect(desk)
    calculator = f"{at}/redress/calculator"
    rate = str(await db.fetchval("SELECT id FROM core_rate"))
    asked = {"refund": "100", "rate": rate, "start": "2025-03-01", "end": "2026-03-01", "distress": "25",
             "tax_percent": "20"}  # fmt: skip
    shown = await send(agent, calculator, calculator, **asked)
    assert shown.status_code == 200
    for words in ("100 × 8 % × 365/365", "€131.40", "Tax withheld from the interest", "how we award interest", "-1.6"):
        assert words in shown.text
    assert await db.fetchval("SELECT count(*) FROM core_calculation") == 0
    fields = forms(shown.text).of(calculator)
    assert fields["start"] == "2025-03-01"
    kept = await agent.http.post(calculator, data={**fields, "step": "keep"})
    page = kept.headers["location"]
    given = await send(agent, page, f"{at}/redress", note="Refund with interest", follow=True)
    assert "€131.40" in given.text
    assert "Working" in given.text
    row = await db.fetchrow("SELECT amount, calculation_id FROM core_redress WHERE aspect_id = $1", aspect)
    assert row["amount"] == Decimal("131.40")
    assert page.endswith(str(row["calculation_id"]))
    assert not forms((await agent.get(page)).text).has(f"{at}/redress")  # it is given: nobody gives it twice by a slip
    line = {"kind": "money", "amount": "131.40", "currency": "EUR", "calculation": str(row["calculation_id"])}
    twice = await agent.submit(f"{at}/redress", line, page=f"{at}/redress")
    assert twice.status_code == 422
    assert "given or asked for already" in twice.text
    again = await agent.get(f"{calculator}?like={row['calculation_id']}")
    assert forms(again.text).of(calculator)["refund"] == "100"
    kept_rates = await db.fetchval("SELECT rates FROM core_calculation")
    assert [(each["percent"], each["valid_from"]) for each in kept_rates] == [("8", "2015-01-01")]


async def test_a_sum_is_not_given_with_another_amount_than_was_reckoned(desk, send):
    agent = await desk.signed_in("agent")
    at, _, _ = await _aspect(desk)
    calculator = f"{at}/redress/calculator"
    kept = await send(agent, calculator, calculator, refund="100", step="keep")
    forged = await send(agent, kept.headers["location"], f"{at}/redress", amount="200.00")
    assert forged.status_code == 422
    assert "not the one that was reckoned" in forged.text
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 0


async def test_what_cannot_be_reckoned_is_said_beside_its_field_and_keeps_what_was_typed(desk, send, forms):
    agent = await desk.signed_in("agent")
    await _rate(desk, send)
    at, _, _ = await _aspect(desk)
    calculator = f"{at}/redress/calculator"
    rate = str(await db.fetchval("SELECT id FROM core_rate"))
    for wrong, words in (
        ({"refund": "much"}, "Give an amount"),
        ({}, "Give at least one amount"),
        ({"refund": "5", "rate": rate, "start": "2026-01-01"}, "Give both days"),
        (
            {"refund": "5", "rate": rate, "start": "2010-01-01", "end": "2011-01-01"},
            "There is no rate for 1\u00a0Jan\u00a02010",
        ),
        ({"refund": "5", "rate": rate, "start": "2026-02-01", "end": "2026-01-01"}, "Swap them"),
        ({"refund": "5", "paid": "6"}, "More is deducted"),
        ({"refund": "5", "start": "2026-02-01", "end": "2026-03-01"}, "Choose the rate"),
    ):
        refused = await send(agent, calculator, calculator, **wrong)
        assert refused.status_code == 422, words
        assert words in refused.text
        if "refund" in wrong:
            assert forms(refused.text).of(calculator)["refund"] == wrong["refund"]


async def _granted(desk, send, forms):
    """Money that may be paid: an agent and a leader signed in, the path of the aspect, and where it is paid out."""
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    at, _, _ = await _aspect(desk)
    part = f"{at}/redress"
    await send(agent, part, part, kind="money", amount="40", currency="EUR")
    pay = next(a for _, a, _ in forms((await agent.get(part)).text).found if a.endswith("/pay"))
    return agent, leader, at, pay


async def test_money_is_paid_by_a_file_and_read_back_in_and_the_page_shows_the_day(desk, send, forms):
    agent, leader, at, pay = await _granted(desk, send, forms)
    part = f"{at}/redress"
    slip = await send(agent, part, pay, payee_name="Helena Marsh", account="DE89370400440532013001")
    assert slip.status_code == 422
    assert "has a slip in it" in slip.text
    again = next(fields for _, leads_to, fields in forms(slip.text).found if leads_to == pay)
    assert (again["payee_name"], again["account"]) == ("Helena Marsh", "DE89370400440532013001")
    assert '<a href="#account">' in slip.text, "the summary leads to the field"
    assert re.search(r'<details open><summary class="textlink">Pay it out</summary>', slip.text)
    paid = await send(agent, part, pay, payee_name="Helena Marsh", account=IBAN, follow=True)
    assert "The payment is prepared." in paid.text
    assert "···· 3000" in paid.text
    assert IBAN not in (await agent.get(part)).text
    assert (await agent.get("/payments")).status_code == 403
    made = await send(leader, "/payments", "/payments/batches")
    batch = made.headers["location"]
    file = await send(leader, batch, f"{batch}/file", format="csv")
    assert file.headers["content-disposition"].startswith("attachment")
    (row,) = csv.DictReader(io.StringIO(file.text))
    assert (row["account"], row["amount"]) == (IBAN, "40.00")
    twice = await send(leader, batch, f"{batch}/file", format="csv")
    assert twice.status_code == 409
    today = clock.now().date().isoformat()
    report = f"key,status,value_date\n{row['key']},paid,{today}\n".encode()
    read = await send(leader, "/payments/report", "/payments/report", files={"file": ("bank.csv", report, "text/csv")})
    assert "One row was read" in read.text
    assert "Paid: 1, €40.00" in read.text
    assert "All of it is paid" in (await leader.get(batch)).text
    assert "Paid" in (await agent.get(part)).text
    case = at.rpartition("/aspects/")[0]
    assert "paid on" in (await agent.get(case)).text


async def test_an_account_of_somebody_else_is_named_to_whoever_hands_the_payment_over(desk, send, forms):
    agent, leader, at, pay = await _granted(desk, send, forms)
    part = f"{at}/redress"
    person = await db.fetchval("SELECT name FROM core_person")
    assert forms((await agent.get(part)).text).of(pay)["payee_name"] == person
    await send(agent, part, pay, payee_name="Somebody Else", account=IBAN)
    assert "account of Somebody Else" in (await leader.get("/payments")).text


async def test_a_payment_in_doubt_is_settled_by_a_person_with_a_reason(desk, send, forms):
    leader = await desk.signed_in("leader")
    at, _, _ = await _aspect(desk)
    part = f"{at}/redress"
    await send(leader, part, part, kind="money", amount="40", currency="EUR")
    pay = next(a for _, a, _ in forms((await leader.get(part)).text).found if a.endswith("/pay"))
    await send(leader, part, pay, payee_name="Helena Marsh", account=IBAN)
    await db.execute("UPDATE core_payment SET state = 'unsure'")
    page = "/payments?which=unsure"
    found = [a for _, a, _ in forms((await leader.get(page)).text).found]
    assert not [a for a in found if a.endswith("/ask")], "nobody asks about what left in a file"
    settle = next(a for a in found if a.endswith("/settle"))
    assert (await send(leader, page, settle, event="paid", why="")).status_code == 422
    assert (await send(leader, page, settle, event="paid", why="On the statement")).status_code == 422  # no day
    today = clock.now().date().isoformat()
    done = await send(leader, page, settle, event="paid", why="On the statement", value_date=today)
    assert done.status_code == 303
    assert await db.fetchval("SELECT state FROM core_payment") == "paid"


async def test_a_person_has_the_service_asked_about_a_payment_in_doubt(desk, send, forms):
    leader = await desk.signed_in("leader")
    at, _, _ = await _aspect(desk)
    part, page = f"{at}/redress", "/payments?which=unsure"
    await send(leader, part, part, kind="money", amount="40", currency="EUR")
    pay = next(a for _, a, _ in forms((await leader.get(part)).text).found if a.endswith("/pay"))
    await send(leader, part, pay, payee_name="Helena Marsh", account=IBAN)
    await db.execute("UPDATE core_payment SET state = 'unsure', way = 'webhook'")
    ask = next(a for _, a, _ in forms((await leader.get(page)).text).found if a.endswith("/ask"))
    refused = await send(leader, page, ask)
    assert refused.status_code == 422 or refused.status_code == 409
    assert "The payment service has no address for questions. Set it under Settings" in refused.text
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    values = {"way": "webhook", "status_url": "http://127.0.0.1:9/status"}
    await group_settings.change(
        SYSTEM, "payments", group_settings.Change(values=values, secrets={"secret": "s" * 20}), unit
    )
    assert (await send(leader, page, ask)).status_code == 303
    assert "The payment service is being asked what became of it." in (await leader.get(page)).text
    await desk.work()
    shown = (await leader.get(page)).text
    assert "The payment service could not be reached" in shown
    assert ask in shown, "it can be asked again"


async def test_the_payment_service_reports_by_itself_if_it_signs(desk, send, forms):
    leader, outside = await desk.signed_in("leader"), desk.browser()
    at, _, _ = await _aspect(desk)
    part = f"{at}/redress"
    await send(leader, part, part, kind="money", amount="40", currency="EUR")
    pay = next(a for _, a, _ in forms((await leader.get(part)).text).found if a.endswith("/pay"))
    await send(leader, part, pay, payee_name="Helena Marsh", account=IBAN)
    await db.execute("UPDATE core_payment SET state = 'handed_over'")
    key = await db.fetchval("SELECT key FROM core_payment")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    await group_settings.change(SYSTEM, "payments", group_settings.Change(secrets={"secret": "shared"}), unit)

    async def tell(secret: str, **said: str) -> Any:
        body, stamp = json.dumps({"key": key, "status": "paid", **said}).encode(), str(int(clock.now().timestamp()))
        headers = {"content-type": "application/json", "x-ombud-timestamp": stamp,
                   "x-ombud-signature": f"sha256={service.signature(secret, stamp, body)}"}  # fmt: skip
        return await outside.http.post("/hook/payments", content=body, headers=headers)

    for answer in (await tell("wrong"), await tell("shared", key="0" * 32), await tell("")):
        assert answer.status_code == 400
    assert (await outside.http.post("/hook/payments", content=b"{")).status_code == 400
    assert await db.fetchval("SELECT state FROM core_payment") == "handed_over"
    assert (await tell("shared", amount="40.00", currency="EUR")).json()["result"] == "paid"
    assert (await tell("shared")).json()["result"] == "again"
    differs = await tell("shared", amount="41.00")
    assert (differs.status_code, differs.json()["result"]) == (409, "differs")
    assert await db.fetchval("SELECT state FROM core_payment") == "paid"


async def test_what_the_customer_asks_for_is_kept_with_the_version_seen(desk, send, forms):
    agent = await desk.signed_in("agent")
    at, aspect, _ = await _aspect(desk)
    part = f"{at}/redress"
    wrong = await send(agent, part, f"{part}/claim", amount_in_dispute="lots")
    assert wrong.status_code == 422
    assert forms(wrong.text).of(f"{part}/claim")["amount_in_dispute"] == "lots"
    stale = forms((await agent.get(part)).text).of(f"{part}/claim")
    kept = await send(agent, part, f"{part}/claim", amount_in_dispute="1200,50", follow=True)
    assert "€1,200.50" in kept.text
    clash = await agent.http.post(f"{part}/claim", data={**stale, "amount_in_dispute": "3"})
    assert clash.status_code == 409
    assert await db.fetchval("SELECT amount_in_dispute FROM core_aspect WHERE id = $1", aspect) == Decimal("1200.5")


async def test_rates_are_kept_by_day_with_their_source_withdrawn_and_never_edited(desk, send, forms):
    rate = await _rate(desk, send)
    admin, leader = await desk.signed_in("administrator"), await desk.signed_in("leader")
    assert (await leader.get("/rates")).status_code == 403
    for wrong in ({"source": ""}, {"percent": "x"}, {"valid_from": "soon"}, {"valid_from": "2015-01-01"}):
        fields = {"valid_from": "2020-01-01", "percent": "5", "source": "Gazette", **wrong}
        refused = await send(admin, rate, f"{rate}/values", **fields)
        assert refused.status_code == 422, wrong
    await send(admin, rate, f"{rate}/values", valid_from="2020-01-01", percent="5.25", source="Gazette 7")
    page = (await admin.get(rate)).text
    assert "5.25 %" in page
    assert "Gazette 7" in page
    withdraw = next(a for _, a, _ in forms(page).found if a.endswith("/withdraw"))
    assert (await send(admin, rate, withdraw)).status_code == 303
    assert (await admin.submit(withdraw, {}, page=rate)).status_code == 409
    assert await db.fetchval("SELECT count(*) FROM core_rate_value") == 2
    stale = forms((await admin.get(rate)).text).of(rate)
    await send(admin, rate, rate, label="Statutory interest")
    clash = await admin.http.post(rate, data={**stale, "label": "Mine"})
    assert clash.status_code == 409
    await send(admin, rate, f"{rate}/retire")
    assert "Out of use" in (await admin.get("/rates")).text


async def test_limits_are_set_and_ended_on_their_page_and_say_what_ships(desk, send, forms):
    admin, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    page = await admin.get("/limits")
    assert "Agent 250, Team leader 2,500" in page.text
    assert (await send(admin, "/limits", "/limits", role="agent", amount="-1")).status_code == 422
    assert (await send(admin, "/limits", "/limits", amount="5")).status_code == 422  # neither role nor person
    assert (await send(admin, "/limits", "/limits", role="agent", amount="20")).status_code == 303
    at, _, _ = await _aspect(desk)
    part = f"{at}/redress"
    assert "You may give up to €20.00" in (await agent.get(part)).text
    end = next(a for _, a, _ in forms((await admin.get("/limits")).text).found if a.endswith("/end"))
    await send(admin, "/limits", end)
    assert "You may give up to €250.00" in (await agent.get(part)).text
    assert (await agent.get("/limits")).status_code == 403


async def test_many_cases_are_given_redress_at_once_and_one_above_the_limit_waits(desk, forms):
    agent = await desk.signed_in("agent")
    one, two = await desk.file("The line was down."), await desk.file("No service for a day.")
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", one.case_id)
    part = f"/cases/{one.reference}/aspects/{first}/redress"
    await agent.submit(part, {"kind": "money", "amount": "240", "currency": "EUR"}, page=part)
    chosen = {"reference": [one.reference, two.reference], "which": "ticked", "back": "/queues/all"}
    change = (await agent.submit("/bulk", chosen, page="/queues/all")).headers["location"]
    fields = {"action": "redress", "kind": "money", "amount": "x", "currency": "EUR", "text": "For the outage"}
    wrong = await agent.submit(f"{change}/plan", fields, page=change)
    assert wrong.status_code == 422
    assert "Give an amount" in wrong.text
    assert forms(wrong.text).of(f"{change}/plan")["text"] == "For the outage"
    preview = await agent.submit(f"{change}/plan", {**fields, "amount": "20"}, page=change, follow=True)
    assert "2 cases would change" in preview.text
    done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "Above your limit: it waits for a second person." in done.text
    assert await db.fetchval("SELECT count(*) FROM core_redress WHERE amount = 20") == 1
    assert await db.fetchval("SELECT case_id FROM core_redress_request") == one.case_id
    back = await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change, follow=True)
    assert "2 cases are as they were before" in back.text
    assert await db.fetchval("SELECT sum(amount) FROM core_redress WHERE case_id = $1", two.case_id) == 0
    assert await db.fetchval("SELECT state FROM core_redress_request") == "withdrawn"


async def test_the_rail_counts_what_waits_for_oneself_and_nothing_of_ones_own(desk, send):
    agent, leader, reader = [await desk.signed_in(name) for name in ("agent", "leader", "quality")]
    at, _, _ = await _aspect(desk)

    async def counted(browser):
        return (await browser.get("/live/notices")).json().get("redress")

    assert await counted(leader) == 0
    await send(agent, f"{at}/redress", f"{at}/redress", kind="money", amount="300", currency="EUR")
    assert await counted(leader) == 1
    assert await counted(agent) == 0, "one's own waits for somebody else"
    assert await counted(reader) is None, "who decides nothing has no such place"
    page = (await leader.get("/queues/all")).text
    assert 'href="/redress"' in page
    assert 'id="waiting-count"' in page
    ours = await db.fetchval("SELECT id FROM core_redress_request")
    await send(agent, f"{at}/redress", f"{at}/redress/requests/{ours}/withdraw", reason="Not needed")
    assert await counted(leader) == 0


async def test_a_template_quotes_the_working_of_what_was_given(desk, send):
    from ombud.desk.case_view import case_page
    from ombud.desk.outgoing import facts, filling

    agent = await desk.signed_in("agent")
    await _rate(desk, send)
    at, _, reference = await _aspect(desk)
    calculator = f"{at}/redress/calculator"
    rate = str(await db.fetchval("SELECT id FROM core_rate"))
    kept = await send(
        agent, calculator, calculator, refund="100", rate=rate, start="2025-03-01", end="2026-03-01", step="keep"
    )
    await send(agent, kept.headers["location"], f"{at}/redress")
    view = await case_page(await desk.viewer("agent"), reference)
    known = facts.of_case(view, "en", person="Helena", writer="Ewa", phone="")
    _, text = filling.compose("Answer", "{{ pieces }}", "{{ aspect.working }}", known)
    assert text == "Refund: 100\nInterest: 100 × 8 % × 365/365 = 8\n€108.00"
