"""How the desk is doing: good, look or bad; each with what to do; one source for the page, machines and the command."""

import asyncio
from collections import namedtuple
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ombud.commands import serving
from ombud.kernel import alive, faults, health_checks
from ombud.kernel.database import db
from ombud.kernel.health import BAD, GOOD, LOOK, Check, Checks, Finding, health, worst
from ombud.kernel.ids import new_id
from ombud.kernel.schedule import Schedule, interval
from ombud.process import run_with, settings
from ombud.trust import checkpoints, tokens
from ombud.trust import health_checks as of_trust
from ombud.web import health_checks as of_web


async def state(code: str) -> Finding:
    return await health.known[code].look()


async def work_process(silent: int = 0) -> None:
    await db.execute(
        "INSERT INTO core_worker (id, role, host, pid, started_at, beat_at) "
        "VALUES ($1, 'work', 'otter', 7, now(), now() - make_interval(secs => $2))",
        new_id(),
        silent,
    )


async def test_the_page_names_what_needs_somebody_first_with_what_to_do(desk):
    administrator = await desk.signed_in("administrator")
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, state, available_at, created_at, finished_at) "
        "VALUES (gen_random_uuid(), 'job/x', 'parked', now(), now(), now())"
    )
    shown = (await administrator.get("/administration/health")).text
    first = shown[shown.index("Needs you") : shown.index("<caption")]
    assert "1 piece of work failed for good." in first
    assert "run them again or give them up" in first
    assert 'href="/jobs?show=parked"' in first
    assert "PostgreSQL" in shown
    assert "ombud backup FOLDER" in shown


async def test_health_alone_is_public_and_tiny_and_details_are_for_tokens_with_the_right(desk):
    stranger = desk.browser()
    alone = await stranger.get("/health")
    assert (alone.status_code, alone.text) == (200, "ok")
    refused = await stranger.get("/health/details")
    assert refused.status_code == 401
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert (await (await desk.api("agent")).get("/health/details")).status_code == 403
    told = (await (await desk.api("administrator")).get("/health/details")).json()
    codes = {each["code"]: each for each in told["checks"]}
    assert set(codes) == set(health.known)
    assert told["state"] == max((each["state"] for each in told["checks"]), key=[GOOD, LOOK, BAD].index)
    assert codes["database.server"]["state"] == GOOD
    narrow = await tokens.create("administrator", "narrow", actor="system", scopes=["token.own"])
    stranger.http.headers["authorization"] = f"Bearer {narrow}"
    assert (await stranger.get("/health/details")).status_code == 403
    stranger.http.headers["authorization"] = "Bearer omb_no_such"
    assert (await stranger.get("/health/details")).status_code == 401
    assert (await stranger.get("/health")).status_code == 200


async def test_who_may_not_read_the_health_is_refused(desk):
    for name in ("agent", "leader", "compliance"):
        assert (await (await desk.signed_in(name)).get("/administration/health")).status_code == 403


async def test_processes_that_fell_silent_or_are_missing_are_named(desk):
    assert (await state("processes.work")).state == BAD
    await work_process()
    assert (await state("processes.work")).state == GOOD
    await work_process(silent=120)
    found = await state("processes.work")
    assert (found.state, found.said) == (LOOK, "1 alive; 1 fell silent.")
    assert ("otter, process 7", "heard 2 minutes ago") in found.facts
    assert (await state("processes.web")).state == GOOD  # this one says so itself
    assert {each.role for each in await alive.processes()} == {"web", "work"}


async def test_a_missing_process_for_plugins_pages_is_named(desk, monkeypatch):
    assert (await state("processes.pages")).state == GOOD  # here the web process answers them itself
    monkeypatch.setenv("OMBUD_PAGES_AT", "/nowhere/pages")
    found = await state("processes.pages")
    assert (found.state, "Nobody answers on plugins' pages" in found.said) == (BAD, True)


async def test_work_that_waits_too_long_and_a_schedule_that_nobody_keeps_are_named(desk):
    assert (await state("schedule")).state == BAD
    await db.execute("DELETE FROM core_delivery")
    assert (await state("jobs.queue")).state == GOOD
    add = ("INSERT INTO core_delivery (id, subscriber, plugin, state, available_at, created_at) VALUES "
           "(gen_random_uuid(), 'job/x', $1, 'waiting', now() - make_interval(mins => $2), now())")  # fmt: skip
    await db.execute(add, "off", 500)  # of a plugin that is off: it waits rightly
    assert (await state("jobs.queue")).state == GOOD
    await db.execute(add, "", 5)
    assert (await state("jobs.queue")).state == LOOK
    await db.execute(add, "", 50)
    found = await state("jobs.queue")
    assert (found.state, found.said) == (BAD, "The oldest work that is due waits since 50 minutes.")
    plan = Schedule()
    plan.every("x", interval(minutes=1), "x")
    present = datetime.now(UTC)
    await plan.tick(present - timedelta(minutes=10))
    assert "1 of 1 entries are late" in (await state("schedule")).said
    await plan.tick(present)
    assert (await state("schedule")).state == GOOD


async def test_plugins_that_rest_or_fault_want_a_look(desk):
    assert (await state("plugins")).state == GOOD
    for _ in range(5):
        await faults.record("mail", "timeout", "send", "slow")
    found = await state("plugins")
    assert found.state == LOOK
    assert ("mail", "rests after repeated faults") in found.facts
    await db.execute("INSERT INTO core_plugin (slug, wanted_on, applied_version, changed_at) "
                     "VALUES ('gone', TRUE, '1', now())")  # fmt: skip
    found = await state("plugins")
    assert (found.state, "gone" in found.said) == (BAD, True)


async def test_a_forgotten_transaction_is_named(desk, monkeypatch):
    monkeypatch.setattr(health_checks, "OPEN_LONG", 0.0)
    async with db.transaction():
        await db.fetchval("SELECT 1")
        async with db.outside():
            found = await state("database.transactions")
    assert (found.state, "ombud web" in found.said) == (LOOK, True)


async def test_tables_of_another_version_are_bad(desk):
    assert (await state("database.schema")).state == GOOD
    await db.execute("INSERT INTO migration (name, app_name, ran_on) VALUES ('2999-01-01', 'core', now())")
    assert "newer Ombud" in (await state("database.schema")).said
    await db.execute("DELETE FROM migration WHERE name >= (SELECT max(name) FROM migration WHERE name < '2999')")
    found = await state("database.schema")
    assert (found.state, found.remedy) == (BAD, "Run ombud migrate.")


async def test_clocks_and_disk_are_compared_with_what_is_safe(desk, monkeypatch):
    assert (await state("database.clock")).state == GOOD
    usage = namedtuple("usage", "total used free")
    for free, expected in ((10**11, GOOD), (9 * 10**8, LOOK), (10**8, BAD)):
        monkeypatch.setattr("shutil.disk_usage", lambda path, free=free: usage(2 * 10**11, 10**11, free))
        assert (await state("disk")).state == expected


async def test_checkpoints_that_are_late_or_were_changed_where_published_are_named(desk):
    assert (await state("ledger.checkpoints")).state == GOOD
    await checkpoints.make_checkpoint()
    path = settings().ledger.publish_file
    await checkpoints.publish(path)
    found = await state("ledger.published")
    assert (found.state, "inside the data folder" in found.said) == (GOOD, True)
    path.write_text(path.read_text().replace('"hash":"', '"hash":"00'))
    assert (await state("ledger.published")).state == BAD
    path.write_text("rubbish\n")
    assert (await state("ledger.published")).state == BAD
    path.unlink()
    await desk.file("Fee.")
    await db.execute("ALTER TABLE core_checkpoint DISABLE TRIGGER USER")
    await db.execute("UPDATE core_checkpoint SET at = at - interval '3 days'")
    assert (await state("ledger.checkpoints")).state == BAD


async def test_a_master_key_that_others_may_read_wants_a_look(desk):
    path = settings().secrets.master_key_file
    assert (await state("keys.master")).state == GOOD
    path.chmod(0o644)
    assert (await state("keys.master")).remedy == f"chmod 600 {path}"
    path.rename(path.with_suffix(".away"))
    assert (await state("keys.master")).state == BAD


@pytest.mark.parametrize(("base_url", "secure", "expected"), [
    ("http://127.0.0.1:8000", "auto", GOOD),
    ("https://desk.example.org", "auto", GOOD),
    ("http://desk.example.org", "auto", BAD),
    ("https://desk.example.org", "never", BAD),
    ("http://desk.example.org", "always", BAD),
])  # fmt: skip
async def test_address_cookies_and_encryption_must_fit(desk, base_url, secure, expected):
    run_with(replace(desk.config, server=replace(desk.config.server, base_url=base_url, secure_cookies=secure)))
    found = await state("web.address")
    assert found.state == expected
    assert expected == GOOD or found.remedy


async def test_receipts_and_a_theme_that_fails_want_a_look(desk, monkeypatch):
    assert ((await state("intake.receipts")).state, (await state("theme")).state) == (GOOD, GOOD)
    await db.execute(
        "INSERT INTO core_vault (id, subject, wrapped, nonce, ciphertext, created_at) "
        "VALUES ($1, 's', '', '', '', now())",
        identity := new_id(),
    )
    await db.execute(
        "INSERT INTO core_raw (id, channel, key, status, received_at, vault_id) VALUES ($1, 'api', 'k', 'faulted', "
        "now(), $2)", new_id(), identity,
    )  # fmt: skip
    assert (await state("intake.receipts")).state == LOOK
    monkeypatch.setattr(of_web.look, "problem", "theme.toml is not there.")
    assert (await state("theme")).state == LOOK


async def test_a_check_that_fails_or_hangs_is_a_finding_and_holds_up_no_other(monkeypatch):
    async def fails() -> Finding:
        raise ZeroDivisionError("no")

    async def hangs() -> Finding:
        await asyncio.sleep(60)
        raise AssertionError

    async def good() -> Finding:
        return Finding(GOOD, "Fine.")

    monkeypatch.setattr("ombud.kernel.health.SECONDS", 0.05)
    checks = Checks()
    checks.register(*(Check(each.__name__, each.__name__, "g", "m", each) for each in (fails, hangs, good)))
    checks.register(Check("later", "later", "g", "m", good, serving=True))
    found = {each.check.code: each.finding.state for each in await checks.examine(serving=False)}
    assert found == {"fails": BAD, "hangs": LOOK, "good": GOOD}
    assert worst(await checks.examine()) == BAD


async def test_the_command_prints_what_is_not_good_and_fails_for_what_is_bad(desk, monkeypatch, capsys):
    def in_this_desk(config: Any, work: Any, *, made_before: bool = False) -> Any:
        return work()

    monkeypatch.setattr(serving, "with_desk", in_this_desk)
    code = await serving.check(desk.config, None)  # type: ignore[arg-type,misc]
    said = capsys.readouterr().out
    assert code == 0
    assert "LOOK  Guards: The role" in said  # the test's server is a superuser's
    assert "Work processes" not in said  # nothing serves while a command looks
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, state, available_at, created_at, finished_at) "
        "VALUES (gen_random_uuid(), 'job/x', 'parked', now(), now(), now())"
    )
    assert await serving.check(desk.config, None) == 1  # type: ignore[arg-type,misc]
    assert "BAD  Parked work: 1 piece of work failed for good." in capsys.readouterr().out


def test_every_check_says_why_it_matters() -> None:
    for check in (*health_checks.CHECKS, *of_trust.CHECKS, *of_web.CHECKS):
        assert check.means.endswith(".")
        assert check.label
