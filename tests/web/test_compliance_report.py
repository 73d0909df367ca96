"""The compliance report: figures of the system with gaps, each leading to its cases; and taken along."""

import re
from datetime import timedelta

from ombud.desk import aspects, cases
from ombud.desk.aspects import Decision
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import checkpoints

HERE = "/administration/compliance"


def _figure(html: str, label: str) -> tuple[str, str]:
    """The figure of a control, and its gap."""
    row = next(line for line in html.split('<tr role="row">') if f">{label}</td>" in line)
    figure = re.search(r'class="num tabular">(?:<a [^>]+>)?([^<]+)', row)
    gap = re.search(r"<span class=\"line line--tight\">.*?<span>([^<]+)</span></span>", row)
    assert figure
    return figure.group(1), gap.group(1) if gap else ""


async def test_stages_are_counted_and_a_gap_leads_to_its_cases(desk):
    first, second = await desk.file("Fee."), await desk.file("Card.", name="Adam", email="adam@example.org")
    leader = await desk.viewer("leader")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", first.case_id)
    await aspects.decide_aspect(leader, aspect, Decision("upheld", "It was ours.", "delay"), 1)
    await cases.close(leader, first.case_id, None, "")
    compliance = await desk.signed_in("compliance")
    shown = (await compliance.get(HERE)).text
    assert _figure(shown, "Receipt: complaints registered") == ("2", "")
    assert _figure(shown, "Communication: closed, and nothing was sent") == (
        "1", "No decision reached the customer from here.",
    )  # fmt: skip
    assert _figure(shown, "Tracking: open, and nobody owns them")[0] == "1"
    assert _figure(shown, "Learning: upheld, without a root cause") == ("0", "")
    assert _figure(shown, "Response: not answered in time")[0] == "0"
    await db.execute("UPDATE core_case SET due_at = $1", now() - timedelta(days=1))
    assert _figure((await compliance.get(HERE)).text, "Response: not answered in time")[0] == "1"
    ground = (await compliance.get(f"{HERE}/cases/untold")).text
    assert first.reference in ground
    assert second.reference not in ground
    href = re.search(rf'href="({HERE}/cases/unowned[^"]*)"', shown)
    assert href
    assert second.reference in (await compliance.get(href.group(1).replace("&amp;", "&"))).text
    assert (await compliance.get(f"{HERE}/cases/nonsense")).status_code == 404


async def test_cases_outside_the_period_and_those_about_the_reader_do_not_count(desk):
    filed = await desk.file("He shouted.")
    compliance = await desk.signed_in("compliance")
    long_ago = {"since": "2001-01-01", "until": "2001-12-31"}
    assert _figure((await compliance.get(HERE, params=long_ago)).text, "Receipt: complaints registered")[0] == "0"
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await aspects.concern(await desk.viewer("leader"), aspect, (await desk.viewer("compliance")).user_id)
    assert _figure((await compliance.get(HERE)).text, "Receipt: complaints registered")[0] == "0"
    assert filed.reference not in (await compliance.get(f"{HERE}/cases/received")).text


async def test_proofs_retention_and_access_are_gaps_until_somebody_sees_to_them(desk):
    compliance = await desk.signed_in("compliance")
    await desk.file("Fee.")
    await checkpoints.make_checkpoint()
    shown = (await compliance.get(HERE)).text
    assert _figure(shown, "The whole ledger was last verified") == ("Never", "Nobody ever verified the whole ledger.")
    assert "not published yet" in _figure(shown, "Checkpoints published")[1]
    assert "Nobody outside vouches" in _figure(shown, "Newest time-stamp from outside")[1]
    assert "No retention run" in _figure(shown, "Retention runs in the period")[1]
    assert _figure(shown, "Last review of access")[0] == "Never"
    await compliance.submit("/administration/ledger/checkpoint", {}, page="/me/password")
    await compliance.submit("/administration/ledger/verify", {}, page="/me/password")
    empty = await compliance.submit(f"{HERE}/review", {"note": " "}, page="/me/password")
    assert empty.status_code == 422
    await compliance.submit(f"{HERE}/review", {"note": "Read the list, took two roles away."}, page="/me/password")
    await desk.work()
    shown = (await compliance.get(HERE)).text
    assert _figure(shown, "The whole ledger was last verified") == (f"{now():%Y-%m-%d}", "")
    assert _figure(shown, "Checkpoints published")[1] == ""
    assert _figure(shown, "Last review of access") == (f"{now():%Y-%m-%d}", "")
    kept = await db.fetchrow("SELECT body::text AS body, sealed FROM core_ledger_entry WHERE kind = 'access.reviewed'")
    assert "two roles" not in kept["body"]
    assert set(kept["sealed"]) == {"note"}


async def test_a_review_grows_old(desk):
    compliance = await desk.signed_in("compliance")
    await compliance.submit(f"{HERE}/review", {"note": "All of it."}, page="/me/password")
    old = now() - timedelta(days=181)
    await db.execute("ALTER TABLE core_ledger_entry DISABLE TRIGGER USER")
    await db.execute("UPDATE core_ledger_entry SET at = $1 WHERE kind = 'access.reviewed'", old)
    figure, gap = _figure((await compliance.get(HERE)).text, "Last review of access")
    assert (figure, "in the last 180 days" in gap) == (f"{old:%Y-%m-%d}", True)


async def test_the_register_tells_of_every_installed_plugin_on_or_off(desk):
    await desk.enable("salesforce")
    shown = (await (await desk.signed_in("compliance")).get(HERE)).text
    for words in ("Salesforce", "support needs that they agreed to", "Words by category"):
        assert words in shown, words
    assert ">Off<" in shown


async def test_it_is_taken_along_as_one_page_and_that_is_recorded(desk):
    compliance = await desk.signed_in("compliance")
    await desk.file("Fee.")
    got = await compliance.get(f"{HERE}/report.html")
    assert got.headers["content-disposition"].startswith('attachment; filename="compliance-')
    assert "<script" not in got.text
    assert "href=" not in got.text
    assert "Gap:" in got.text
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'compliance.reported'") == 1


async def test_who_may_not_read_it_gets_none_and_wrong_days_are_told(desk):
    for name in ("agent", "leader"):
        assert (await (await desk.signed_in(name)).get(HERE)).status_code == 403
    compliance = await desk.signed_in("compliance")
    for asked, said in (
        ({"since": "soon"}, "This is not a date"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "comes after the last one"),
    ):
        answer = await compliance.get(HERE, params=asked)
        assert answer.status_code == 422
        assert said in answer.text
