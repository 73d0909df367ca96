"""Background work on pages: what failed and why, run again, given up, the schedule, faults."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.kernel import faults
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import enqueue_job
from ombud.kernel.schedule import Schedule, cron, interval
from ombud.trust.ledger import open_sealed


async def parked(subscriber: str = "job/letters.print", *, plugin: str = "", error: str = "Permanent: no address",
                 event: dict[str, Any] | None = None, dedupe: str = "", kills: int = 0) -> UUID:  # fmt: skip
    identity = new_id()
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, plugin, event, dedupe, state, attempts, kills, error, "
        "available_at, created_at, finished_at) VALUES ($1, $2, $3, $4, $5, 'parked', 4, $6, $7, now(), now(), now())",
        identity, subscriber, plugin, event or {}, dedupe, kills, error,
    )  # fmt: skip
    return identity


async def state_of(identity: UUID) -> str:
    return str(await db.fetchval("SELECT state FROM core_delivery WHERE id = $1", identity))


async def test_parked_work_shows_what_failed_and_why_and_runs_again_once(desk, send):
    administrator = await desk.signed_in("administrator")
    identity = await parked()
    shown = (await administrator.get("/jobs")).text
    assert "Letters print" in shown
    assert "trying again cannot help" in shown
    assert "4 times" in shown
    again = await send(administrator, "/jobs", f"/jobs/{identity}/again", follow=True)
    assert "It runs again." in again.text
    assert await state_of(identity) == "waiting"
    assert await db.fetchval("SELECT body->>'delivery' FROM core_ledger_entry WHERE kind = 'job.run_again'") == str(
        identity
    )
    twice = await administrator.submit(f"/jobs/{identity}/again", {}, page="/me/password")
    assert twice.status_code == 409
    assert "somebody ran it again or gave it up" in twice.text


async def test_work_whose_twin_waits_is_not_run_again_beside_it(desk):
    administrator = await desk.signed_in("administrator")
    identity = await parked(dedupe="k")
    await enqueue_job("letters.print", {}, key="k")
    refused = await administrator.submit(f"/jobs/{identity}/again", {}, page="/me/password")
    assert refused.status_code == 409
    assert "waits or runs already" in refused.text
    assert await state_of(identity) == "parked"


async def test_all_of_a_kind_run_again_after_a_preview_with_their_number(desk, send):
    administrator = await desk.signed_in("administrator")
    mine = [await parked() for _ in range(3)]
    twins = [await parked(dedupe="same") for _ in range(2)]
    other = await parked("job/other.thing")
    href = "/jobs/again?kind=job%2Fletters.print&plugin="
    assert href.replace("&", "&amp;") in (await administrator.get("/jobs")).text
    assert "5 parked pieces of this work would run again" in (await administrator.get(href)).text
    assert await state_of(mine[0]) == "parked"
    await send(administrator, href, "/jobs/again")
    assert [await state_of(each) for each in mine] == ["waiting"] * 3
    assert sorted([await state_of(each) for each in twins]) == ["parked", "waiting"]
    assert await state_of(other) == "parked"
    assert await db.fetchval("SELECT body->>'count' FROM core_ledger_entry WHERE kind = 'job.run_again'") == "4"
    nothing = await administrator.submit("/jobs/again", {}, page="/me/password")
    assert nothing.status_code == 422


async def test_giving_up_wants_a_reason_and_keeps_it_sealed(desk):
    administrator = await desk.signed_in("administrator")
    identity = await parked()
    empty = await administrator.submit(f"/jobs/{identity}/give-up", {"reason": "  "}, page="/me/password")
    assert empty.status_code == 422
    assert "Say why nobody needs this any more." in empty.text
    long = await administrator.submit(f"/jobs/{identity}/give-up", {"reason": "x" * 1001}, page="/me/password")
    assert "x" * 1001 in long.text
    assert await state_of(identity) == "parked"
    done = await administrator.submit(
        f"/jobs/{identity}/give-up", {"reason": "Sent by hand on Monday"}, page="/me/password", follow=True
    )
    assert "Sent by hand on Monday" in done.text
    assert await state_of(identity) == "given_up"
    entry = await db.fetchrow("SELECT stream, seq, body::text FROM core_ledger_entry WHERE kind = 'job.given_up'")
    assert "Monday" not in entry["body"]
    assert [each.value for each in await open_sealed([(entry["stream"], entry["seq"])])] == ["Sent by hand on Monday"]
    again = await administrator.submit(f"/jobs/{identity}/again", {}, page="/me/password")
    assert again.status_code == 409


async def test_the_payload_shows_ids_and_never_words(desk):
    administrator = await desk.signed_in("administrator")
    case = str(new_id())
    event = {"kind": "case.opened", "stream": f"case/{case}", "seq": 3, "body": {"name": "Helena", "person": case,
             "note": "call me on 555-0199", "Jan Kowal": "x", "deep": {"er": {"and": {"down": "words"}}}}}  # fmt: skip
    identity = await parked(event=event)
    shown = (await administrator.get(f"/jobs/{identity}")).text
    assert case in shown
    assert "case.opened" in shown
    for word in ("Helena", "555-0199", "Jan Kowal", "words"):
        assert f">{word}" not in shown
        assert f"{word}<" not in shown
    assert "4 more values are not shown" in shown


async def test_running_work_shows_progress_since_when_and_where(desk):
    administrator = await desk.signed_in("administrator")
    worker = new_id()
    await db.execute("INSERT INTO core_worker (id, role, host, pid, started_at, beat_at) "
                     "VALUES ($1, 'work', 'otter', 4711, now(), now())", worker)  # fmt: skip
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, state, attempts, progress, locked_by, started_at, available_at, "
        "created_at) VALUES ($1, 'job/ledger.verify', 'running', 1, $2, $3, now(), now(), now())",
        new_id(), {"done": 120, "total": 400, "note": ""}, worker,
    )  # fmt: skip
    shown = (await administrator.get("/jobs")).text
    assert "Verify the ledger" in shown
    assert "120 of 400" in shown
    assert "otter, process 4711" in shown
    assert 'max="400" value="120"' in shown


async def test_lists_are_filtered_and_paged_without_gaps(desk):
    administrator = await desk.signed_in("administrator")
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, plugin, state, available_at, created_at, finished_at) "
        "SELECT gen_random_uuid(), 'job/a.job' || n % 2, CASE WHEN n % 2 = 0 THEN 'mail' ELSE '' END, 'done', now(), "
        "now(), now() - make_interval(secs => n / 7) FROM generate_series(1, 120) AS n"
    )
    page, seen = "/jobs?show=done", []
    while page:
        text = (await administrator.get(page)).text
        seen += re.findall(r'class="rows__title" href="/jobs/([^"]+)"', text)
        found = re.search(r'href="(/jobs\?[^"]*after=[^"]+)"', text)
        page = found.group(1).replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == 120
    counts = (await administrator.get("/jobs?show=done&plugin=mail")).text
    assert '<span class="chip__count">60</span>' in counts
    core = (await administrator.get("/jobs?show=done&plugin=core&kind=job%2Fa.job1")).text
    assert '<span class="chip__count">60</span>' in core
    assert (await administrator.get("/jobs?show=done&after=rubbish")).status_code == 422
    assert (await administrator.get("/jobs?show=nonsense")).status_code == 200


@pytest.mark.parametrize(("error", "words"), [
    ("Transient: no route", "did not answer for seven days"),
    ("NoHandler: nothing handles job/x", "No program here knows this work"),
    ("its process died while it ran, 3 of 3 times", "Its process died each time"),
    ("ZeroDivisionError: division by zero", "did not expect"),
])  # fmt: skip
async def test_why_is_said_in_plain_words(desk, error, words):
    administrator = await desk.signed_in("administrator")
    identity = await parked(error=error)
    shown = (await administrator.get(f"/jobs/{identity}")).text
    assert words in shown
    assert error.split(":")[0] in shown


async def test_the_schedule_says_when_each_entry_ran_comes_next_and_is_late(desk):
    administrator = await desk.signed_in("administrator")
    assert "No schedule is kept" in (await administrator.get("/jobs/schedule")).text
    plan = Schedule()
    plan.every("queues.fold", interval(seconds=20), "queues.fold")
    plan.every("report", cron("30 6 * * mon-fri", "Europe/Warsaw"), "letters.report", plugin="letters")
    await plan.tick(now() - timedelta(minutes=30))
    await plan.tick(now() - timedelta(minutes=20))
    shown = (await administrator.get("/jobs/schedule")).text
    assert "Count the queues" in shown
    assert "Every 20 seconds" in shown
    assert "At 30 6 * * mon-fri (Europe/Warsaw)" in shown
    assert shown.count(">Late<") == 1
    await plan.tick(now())
    assert ">Late<" not in (await administrator.get("/jobs/schedule")).text
    plan.forget_plugin("letters")
    await plan.tick(now())
    assert "Warsaw" not in (await administrator.get("/jobs/schedule")).text


async def test_faults_are_counted_together_and_shown_by_plugin(desk):
    administrator = await desk.signed_in("administrator")
    for _ in range(3):
        await faults.record("mail", "timeout", "send", "took 5 s")
    await faults.record("core", "parked", "job/x", "ValueError: x")
    shown = (await administrator.get("/jobs/faults")).text
    assert "Took too long" in shown
    assert "3 times" in shown
    only = (await administrator.get("/jobs/faults?plugin=mail")).text
    assert "Work was parked" not in only


async def test_work_is_for_administrators_alone(desk):
    leader = await desk.signed_in("leader")
    identity = await parked()
    for path in ("/jobs", "/jobs/schedule", "/jobs/faults", "/jobs/again", f"/jobs/{identity}"):
        assert (await leader.get(path)).status_code == 403
    assert (await leader.submit(f"/jobs/{identity}/again", {}, page="/me/password")).status_code == 403
    assert await state_of(identity) == "parked"
    administrator = await desk.signed_in("administrator")
    assert (await administrator.get(f"/jobs/{new_id()}")).status_code == 404
