"""A return on a desk, through its pages: collected, checked, frozen, signed, filed, amended; and what stands then."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from openpyxl import load_workbook

from ombud.desk import aspects, cases
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.errors import Invalid
from ombud.desk.redress import limits
from ombud.desk.retention import rules as retention
from ombud.desk.retention import running
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings, ledger, ledger_verify, vault
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

FIRST, LAST = "2026-01-01", "2026-06-30"
MARCH = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def complaint(desk: Desk, category: str = "savings", outcome: str = "upheld", cause: str = "delay") -> Any:
    """Received in March 2026, decided and closed two days later."""
    leader = await desk.viewer("leader")
    if not await db.fetchval("SELECT TRUE FROM core_redress_limit"):
        administrator = await desk.viewer("administrator")
        unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
        await limits.set_limit(administrator, unit, role="leader", currency="GBP", amount=Decimal(100))
    with clock.at(MARCH):
        filed = await desk.file("The fee was taken twice.", "And the clerk was late.")
        main, second = await matters(filed.case_id)
        if category:
            await aspects.change(leader, main, {"category": category}, None)
    with clock.at(MARCH.replace(day=4)):
        money = (RedressGiven("money", Decimal(25), "GBP", ""),) if outcome == "upheld" else ()
        await aspects.decide_aspect(leader, main, Decision(outcome, "Our mistake.", cause, money), None)
        await aspects.decide_aspect(leader, second, Decision("not_upheld", "No.", "no_cause_found"), None)
        await cases.close(leader, filed.case_id)
    return filed


async def matters(case_id: UUID) -> list[UUID]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    return [row["id"] for row in rows]


async def overturned(desk: Desk, case_id: UUID) -> None:
    """The decision turns out to be wrong, and the case is closed again."""
    leader = await desk.viewer("leader")
    main = (await matters(case_id))[0]
    with clock.at(MARCH.replace(day=5)):
        await cases.reopen(leader, case_id, "It was decided wrongly.")
        await aspects.reopen(leader, main, "It was decided wrongly.")
        await aspects.decide_aspect(leader, main, Decision("not_upheld", "No.", "delay"), None)
        await cases.close(leader, case_id)


async def begun(desk: Desk, key: str = "fca.annex1r", period: str = f"{FIRST}..{LAST}") -> tuple[Browser, str]:
    officer = await desk.signed_in("compliance")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    page = f"/returns/new/{key}"
    assert f'action="{page}"' in (await officer.get(page)).text, "the form of the page leads there too"
    answer = await officer.submit(page, {"unit": str(unit), "period": period})
    assert answer.status_code == 303, answer.text
    return officer, answer.headers["location"]


async def step(who: Browser, address: str, name: str, **more: str) -> Any:
    html = (await who.get(address)).text
    seen = re.search(r'name="version" value="(\d+)"', html)
    return await who.submit(f"{address}/{name}", {"version": seen.group(1) if seen else "", **more}, page=address)


HEADER = {"item.1": "No", "item.2": "No"}


async def filed(desk: Desk) -> tuple[Browser, str]:
    officer, address = await begun(desk)
    for name, more in (("figures", HEADER), ("freeze", {}), ("sign", {})):
        answer = await step(officer, address, name, **more)
        assert answer.status_code == 303, answer.text
    answer = await step(officer, address, "file", filed_on=await frozen_on(), filed_reference="REG-77")
    assert answer.status_code == 303, answer.text
    return officer, address


async def frozen_on() -> str:
    """The day in the legal entity's zone: figures are filed on it or later."""
    return str(await db.fetchval(
        "SELECT (r.frozen_at AT TIME ZONE u.time_zone)::date FROM core_return r JOIN core_unit u ON u.id = r.unit_id"
    ))  # fmt: skip


async def test_a_return_goes_through_its_steps_and_each_is_in_the_ledger(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    await complaint(desk, "current_accounts", "not_upheld")
    officer, address = await filed(desk)
    html = (await officer.get(address)).text
    assert "REG-77" in html
    assert "Compliance" in html
    return_id = address.rpartition("/")[2]
    entries = await ledger.read([f"return/{return_id}"])
    assert [each.kind for each in entries] == [
        "return.started", "return.entered", "return.frozen", "return.signed", "return.filed",
    ]  # fmt: skip
    row = await db.fetchrow("SELECT * FROM core_return WHERE id = $1", UUID(return_id))
    assert entries[2].body["digest"] == row["digest"] == entries[3].body["digest"]
    assert (row["signed_name"], row["filed_reference"]) == ("Compliance", "REG-77")
    assert str(row["filed_on"]) == await frozen_on()


async def test_a_complaint_with_several_aspects_counts_once_under_its_main_part(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    officer, address = await begun(desk)
    told = json.loads((await officer.get(f"{address}/file/json")).content)["figures"]
    assert told["49"]["value"] == "1"
    row = "part_a1/banking_and_credit_cards"
    found = {name: told[f"{row}/{name}"]["value"] for name in ("opened", "closed_3_days", "closed", "upheld")}
    assert set(found.values()) == {"1"}
    assert told[f"{row}/redress_upheld"]["value"] == "25.0000"
    assert told[f"{row}/main_cause"]["value"] == "Delays/timescales"
    assert "counts once, under its main part" in (await officer.get(address)).text


async def test_a_case_that_lacks_a_field_is_named_and_keeps_the_return_from_freezing(desk: Desk) -> None:
    await desk.enable("fca")
    case = await complaint(desk, category="")
    officer, address = await begun(desk)
    await step(officer, address, "figures", **HEADER)
    html = (await officer.get(address)).text
    assert "It does not reconcile" in html
    assert f'href="/cases/{case.reference}"' in html
    assert "item 49 says 1, the tables 0" in html
    assert f'action="{address}/freeze"' not in html
    answer = await step(officer, address, "freeze")
    assert answer.status_code >= 400
    assert "It cannot be frozen" in answer.text
    assert await db.fetchval("SELECT state FROM core_return") == "draft"


async def test_what_many_cases_lack_is_said_once_with_how_many_and_where_it_is_mended(desk: Desk) -> None:
    await desk.enable("fca")
    found = [await complaint(desk, category="letter_post") for _ in range(3)]
    officer, address = await begun(desk)
    html = (await officer.get(address)).text
    assert html.count("a product that takes the category Letter post (letter_post)") == 1
    assert "3 cases lack" in html
    assert all(f'href="/cases/{each.reference}"' in html for each in found)
    assert "changed by an administrator" in html
    assert 'href="/settings/p-fca"' not in html


async def test_a_period_that_is_not_over_cannot_be_frozen(desk: Desk) -> None:
    await desk.enable("fca")
    officer, address = await begun(desk)
    await step(officer, address, "figures", **HEADER)
    await db.execute("UPDATE core_return SET period_last = (now() + interval '40 days')::date")
    html = (await officer.get(address)).text
    assert "Freeze the return once it is over" in html
    assert f'action="{address}/freeze"' not in html
    answer = await step(officer, address, "freeze")
    assert answer.status_code == 409
    assert "The period runs until" in answer.text
    assert await db.fetchval("SELECT state FROM core_return") == "draft"


async def test_figures_are_filed_on_the_day_they_were_frozen_or_later(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    officer, address = await begun(desk)
    for name, more in (("figures", HEADER), ("freeze", {}), ("sign", {})):
        assert (await step(officer, address, name, **more)).status_code == 303
    early = await step(officer, address, "file", filed_on=LAST, filed_reference="REG-77")
    assert early.status_code == 422
    assert "These figures were frozen on" in early.text
    assert 'value="REG-77"' in early.text
    assert await db.fetchval("SELECT state FROM core_return") == "signed"


async def test_where_a_second_person_signs_whoever_froze_it_does_not(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    await group_settings.change(SYSTEM, "returns", Change(values={"second_person": True}))
    officer, address = await begun(desk)
    await step(officer, address, "figures", **HEADER)
    await step(officer, address, "freeze")
    html = (await officer.get(address)).text
    assert "somebody else signs them" in html
    assert f'action="{address}/sign"' not in html
    refused = await step(officer, address, "sign")
    assert refused.status_code == 403
    assert "somebody else signs them" in refused.text
    await desk.user("second", "compliance")
    second = await desk.signed_in("second")
    assert (await step(second, address, "sign")).status_code == 303
    assert await db.fetchval("SELECT state FROM core_return") == "signed"


async def test_a_frozen_return_is_thrown_away_with_a_reason_and_what_was_typed_in_is_there_again(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    officer, address = await begun(desk)
    await step(officer, address, "figures", **HEADER)
    await step(officer, address, "freeze")
    silent = await step(officer, address, "discard")
    assert silent.status_code == 422
    assert await db.fetchval("SELECT state FROM core_return") == "frozen"
    assert (await step(officer, address, "discard", reason="A case was closed too late.")).status_code == 303
    _, again = await begun(desk)
    assert again != address
    assert await db.fetchval("SELECT entered FROM core_return WHERE id = $1", UUID(again.rpartition("/")[2])) == {
        "1": "No", "2": "No",
    }  # fmt: skip
    html = (await officer.get(again)).text
    assert f'action="{again}/freeze"' in html


async def test_money_of_another_currency_is_told_and_not_taken_for_nought(desk: Desk) -> None:
    await desk.enable("fca")
    case = await complaint(desk)
    await db.execute("UPDATE core_redress SET currency = 'EUR' WHERE case_id = $1", case.case_id)
    officer, address = await begun(desk)
    html = (await officer.get(address)).text
    assert "Money that these figures leave out" in html
    assert "€25.00" in html
    assert "in 1 complaint closed in the period" in html
    told = json.loads((await officer.get(f"{address}/file/json")).content)
    assert told["money_left_out"] == [{"currency": "EUR", "cases": 1, "sum": "25.0000"}]


async def test_a_frozen_return_stands_while_cases_change_and_people_are_erased(desk: Desk) -> None:
    await desk.enable("fca")
    changed, erased = await complaint(desk), await complaint(desk)
    officer, address = await filed(desk)
    before = {ending: (await officer.get(f"{address}/file/{ending}")).content for ending in ("json", "csv")}
    rows = await db.fetch("SELECT * FROM core_return_figure ORDER BY place")
    await overturned(desk, changed.case_id)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", erased.case_id)
    await vault.destroy_subject(f"person/{person}")
    await db.execute(
        "UPDATE core_person SET name = '', email = '', phone = '', erased_at = now() WHERE id = $1", person
    )
    assert {ending: (await officer.get(f"{address}/file/{ending}")).content for ending in before} == before
    assert await db.fetch("SELECT * FROM core_return_figure ORDER BY place") == rows
    streams = [row["stream"] for row in await db.fetch("SELECT stream FROM core_stream")]
    assert not (await ledger_verify.verify_streams(streams)).broken
    html = (await officer.get(f"{address}/difference")).text
    assert changed.reference in html
    assert "part_a1/banking_and_credit_cards/upheld" in html
    assert erased.reference not in html, "the person is gone, and the facts of the case are the same"
    kept = json.dumps([dict(row)["facts"] for row in await db.fetch("SELECT facts FROM core_return_case")])
    assert "Helena" not in kept
    assert "clerk" not in kept


async def test_a_filed_return_stands_and_opens_while_its_cases_end_with_their_time(desk: Desk) -> None:
    await desk.enable("fca")
    gone = await complaint(desk)
    officer, address = await filed(desk)
    endings = ("json", "csv")
    before = {ending: (await officer.get(f"{address}/file/{ending}")).content for ending in endings}
    figures = await db.fetch("SELECT * FROM core_return_figure ORDER BY place")
    administrator = await desk.viewer("administrator")
    rule = retention.RuleGiven(None, "", "", 1, "days", "closed", "DISP 1.9", False)
    await retention.write(administrator, rule)
    await running.order(await desk.viewer("compliance"), True)
    await desk.work(40)
    assert await db.fetchval("SELECT destroyed_at IS NOT NULL FROM core_case WHERE id = $1", gone.case_id) is True
    assert {ending: (await officer.get(f"{address}/file/{ending}")).content for ending in endings} == before
    assert await db.fetch("SELECT * FROM core_return_figure ORDER BY place") == figures
    assert gone.reference not in (await officer.get(f"{address}/difference")).text, "the codes of the case stay"
    opened = (await officer.get(f"{address}/figures?number=49")).text
    assert gone.reference in opened, "a figure still opens to its case"
    assert "clerk" not in (await officer.get(f"/cases/{gone.reference}")).text
    assert not (await ledger_verify.verify(sealed=True)).broken


async def test_an_amendment_is_a_new_version_and_says_what_differs(desk: Desk) -> None:
    await desk.enable("fca")
    case = await complaint(desk)
    officer, address = await filed(desk)
    await overturned(desk, case.case_id)
    silent = await step(officer, address, "amend", reason=" ")
    assert silent.status_code == 422
    later = (await step(officer, address, "amend", reason="A decision was overturned.")).headers["location"]
    assert later != address
    assert "A decision was overturned." in (await officer.get(later)).text
    again = await step(officer, address, "amend", reason="Once more.")
    assert "amended already" in again.text
    html = (await officer.get(f"{later}/difference")).text
    assert "Version 1" in html
    assert "Version 2" in html
    assert re.search(r"part_a1/banking_and_credit_cards/upheld.*?>1<.*?>0<", html, re.DOTALL)
    told = json.loads((await officer.get(f"{address}/file/json")).content)
    assert told["figures"]["part_a1/banking_and_credit_cards/upheld"]["value"] == "1"


async def test_the_database_refuses_to_change_what_was_frozen(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    await filed(desk)
    for sql in (
        "UPDATE core_return_figure SET value = '9'",
        "UPDATE core_return_case SET facts = '{}'",
        "DELETE FROM core_return_figure",
        "DELETE FROM core_return",
        "UPDATE core_return SET digest = 'x'",
        "UPDATE core_return SET filed_reference = 'other'",
    ):
        with pytest.raises(asyncpg.RaiseError):
            await db.execute(sql)


async def test_a_figure_opens_to_the_cases_the_reader_may_see_and_counts_the_others(desk: Desk) -> None:
    await desk.enable("fca")
    open_, secret = await complaint(desk), await complaint(desk)
    about = await complaint(desk)
    await db.execute("UPDATE core_case SET confidential = TRUE WHERE id = $1", secret.case_id)
    _, address = await begun(desk)
    reader = await desk.signed_in("quality")
    me = (await desk.viewer("quality")).user_id
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE case_id = $1", about.case_id, me)
    html = (await reader.get(f"{address}/figures?number=49")).text
    assert open_.reference in html
    assert secret.reference not in html
    assert about.reference not in html
    assert "2 cases that you may not open" in html
    assert (await reader.get(f"{address}/figures?number=nothing")).status_code == 404


async def test_only_who_may_prepares_and_signs(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    _, address = await begun(desk)
    for name in ("quality", "agent"):
        other = await desk.signed_in(name)
        for each in ("freeze", "sign", "file", "amend", "discard", "figures"):
            answer = await other.submit(f"{address}/{each}", {"version": "1"}, page="/queues")
            assert answer.status_code == 403, (name, each)
    assert (await (await desk.signed_in("agent")).get(address)).status_code == 403


async def test_files_hold_every_figure_by_number_and_say_that_they_are_drafts(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    officer, address = await begun(desk)
    assert json.loads((await officer.get(f"{address}/file/json")).content)["status"] == "draft: not frozen"
    await step(officer, address, "figures", **HEADER)
    await step(officer, address, "freeze")
    told = json.loads((await officer.get(f"{address}/file/json")).content)
    assert told["status"] == "draft: contains unverified codes"
    assert "contains unverified codes" in (await officer.get(address)).text
    lines = list(csv.reader(io.StringIO((await officer.get(f"{address}/file/csv")).content.decode("utf-8-sig"))))
    assert lines[0] == ["status", "draft: contains unverified codes"]
    assert {line[0] for line in lines[2:]} == set(told["figures"])
    [row] = [line for line in lines if line[0] == "part_a1/banking_and_credit_cards/opened"]
    assert row[-2:] == ["Part A-1: complaints by product group", "Banking and credit cards"]
    opened = (await officer.get(f"{address}/figures?number={row[0]}")).text
    assert "<h1>Banking and credit cards: Opened</h1>" in opened
    book = load_workbook(io.BytesIO((await officer.get(f"{address}/file/xlsx")).content))
    header = [
        row[0].value for row in book["Return"].iter_rows() if row[0].value in {"1", "34", "2", "3", "49", "47", "48"}
    ]
    assert header == ["1", "34", "2", "3", "49", "47", "48"]
    assert book.sheetnames[1:] == ["Table 1", "Table 2", "Table 3"]
    assert (await officer.get(f"{address}/file/exe")).status_code == 404


async def test_a_list_that_an_administrator_verified_makes_the_file_official(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    lists = {
        "products": [
            "savings | Savings | Banking and credit cards | | verified",
            "credit | Credit | Credit related | | verified",
        ],
        "causes": ["delay | Delays/timescales | Admin | verified"],
        "columns_confirmed": True,
    }
    await db.execute(
        "INSERT INTO core_setting (id, key, value, changed_at) VALUES (gen_random_uuid(), 'p-fca', $1, now())",
        {"value": lists},
    )
    officer, address = await begun(desk)
    await step(officer, address, "figures", **HEADER)
    await step(officer, address, "freeze")
    assert json.loads((await officer.get(f"{address}/file/json")).content)["status"] == "official"


async def test_a_nil_return_is_blank_and_refuses_a_period_with_complaints(desk: Desk) -> None:
    await desk.enable("fca")
    officer, address = await begun(desk)
    await step(officer, address, "figures", **{"item.1": "No", "item.2": "Yes"})
    told = json.loads((await officer.get(f"{address}/file/json")).content)["figures"]
    assert {number for number, each in told.items() if each["value"] is not None} == {"1", "2"}
    await complaint(desk)
    assert "nil return, yet 1" in (await officer.get(address)).text


async def test_one_return_a_period_and_a_figure_that_is_none_is_refused_with_what_was_typed(desk: Desk) -> None:
    await desk.enable("fca")
    officer, address = await begun(desk)
    unit = await db.fetchval("SELECT id FROM core_unit WHERE parent_id IS NULL")
    again = await officer.submit("/returns/new/fca.annex1r", {"unit": str(unit), "period": f"{FIRST}..{LAST}"})
    assert again.status_code >= 400
    assert "is there for the period" in again.text
    wrong = await step(officer, address, "figures", **{"item.context/investments/provision": "many"})
    assert "Investments, Provision, at the end of the period: give a whole number." in wrong.text
    assert 'value="many"' in wrong.text


async def test_switched_off_its_filed_returns_can_still_be_read(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk)
    officer, address = await filed(desk)
    await desk.disable("fca")
    html = await officer.get(address)
    assert html.status_code == 200
    assert "Complaints outstanding at the start" in html.text
    assert (await officer.get(f"{address}/file/xlsx")).status_code == 200
    assert (await officer.get("/returns/new/fca.annex1r")).status_code == 404


PAGE = "/p/fca/market"
SHEETS = ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"]
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def load(who: Browser, data: bytes, name: str = "2022-h1.xlsx") -> Any:
    return await who.submit(PAGE, {}, page=PAGE, files={"file": (name, data, SHEET)})


async def test_frozen_figures_stand_beside_the_market_of_a_loaded_workbook(desk: Desk, workbook: Any) -> None:
    await desk.enable("fca")
    officer = await desk.signed_in("compliance")
    assert "No figures of the market are here yet" in (await officer.get(PAGE)).text
    assert (await load(officer, workbook(SHEETS))).status_code == 303
    for outcome in ("upheld", "upheld", "not_upheld"):
        await complaint(desk, outcome=outcome)
    _, address = await begun(desk, "fca.annex1b")
    assert "Freeze a publication report" in (await officer.get(PAGE)).text, "a draft does not stand yet"
    assert (await step(officer, address, "freeze")).status_code == 303
    html = (await officer.get(PAGE)).text
    assert "Banking and credit cards" in html
    assert "56.00 %" in html
    assert "66.67 %" in html
    assert "2 of 2" in html
    assert "2022-h1.xlsx" in html
    assert "compare them with care" in html, "the half years differ"
    blank = (await officer.get(f"{PAGE}?kept=none")).text
    assert "66.67 %" not in blank


async def test_a_later_workbook_of_the_same_half_year_takes_the_place_of_the_earlier(desk: Desk, workbook: Any) -> None:
    await desk.enable("fca")
    officer = await desk.signed_in("compliance")
    for name in ("first.xlsx", "second.xlsx"):
        assert (await load(officer, workbook(SHEETS), name)).status_code == 303
    rows = await db.fetch("SELECT DISTINCT file_name FROM fca_market")
    assert [row["file_name"] for row in rows] == ["second.xlsx"]


async def test_what_is_no_workbook_is_refused_with_words_and_agents_see_nothing(desk: Desk) -> None:
    await desk.enable("fca")
    officer, agent = await desk.signed_in("compliance"), await desk.signed_in("agent")
    answer = await load(officer, b"Firm Name,Group")
    assert (answer.status_code, "no Excel workbook" in answer.text) == (422, True)
    assert (await agent.get(PAGE)).status_code == 403
    leader = await desk.signed_in("leader")
    html = (await leader.get(PAGE)).text
    assert 'type="file"' not in html
    assert (await leader.submit(PAGE, {}, page=PAGE)).status_code == 403


async def test_once_a_return_was_begun_no_case_is_closed_without_the_category_it_counts_by(desk: Desk) -> None:
    await desk.enable("fca")
    await complaint(desk, category="")
    await begun(desk)
    with pytest.raises(Invalid, match="One aspect has no category"):
        await complaint(desk, category="")
