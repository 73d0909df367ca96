"""What a unit promises holds for its own complaints; settings leave the desk without their secrets."""

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from ombud.desk import case_links, intake
from ombud.desk.promises import promises_in
from ombud.desk.trail.history import Around, phrase
from ombud.desk.transfer.export import export_all
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust import group_settings as settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import RawReceipt


async def unit(key: str, parent: UUID) -> UUID:
    return UUID(str(await db.fetchval(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) VALUES (gen_random_uuid(), $1, 'brand', $2, $2, 'UTC', 'EUR', '', 'en', '', now(), 1) "
        "RETURNING id", parent, key,
    )))  # fmt: skip


async def promise(where: UUID | None = None, **values: Any) -> None:
    await settings.change(SYSTEM, "promises", Change(values), where)


async def days(desk: Desk, **about: Any) -> int:
    """Until the full answer to a complaint that comes in now."""
    filed = await desk.file("The fee was taken twice.", **about)
    row = await db.fetchrow("SELECT received_on, due_at FROM core_case WHERE id = $1", filed.case_id)
    return int((row["due_at"].date() - row["received_on"]).days)


async def test_the_nearest_promise_counts_and_a_case_type_keeps_its_own_term(desk: Desk) -> None:
    first = UUID(str(await db.fetchval("SELECT id FROM core_unit")))
    brand = await unit("direct", first)
    team = await unit("direct-team", brand)
    assert team
    assert await days(desk) == 56
    await promise(answer_within_days=30)
    await promise(brand, answer_within_days=10)
    assert [await days(desk, unit=key) for key in ("", "direct", "direct-team")] == [30, 10, 10]
    await db.execute("INSERT INTO core_case_type (key, label, fields, answer_within_days, active) "
                     "VALUES ('card', 'Card', '{}', 15, TRUE)")  # fmt: skip
    assert await days(desk, unit="direct", case_type="card") == 15
    await settings.change(SYSTEM, "promises", Change(unset=frozenset({"answer_within_days"})), brand)
    assert await days(desk, unit="direct") == 30


async def test_a_promise_costs_intake_no_further_statement(desk: Desk) -> None:
    await desk.file("Warm.")
    with db.counting() as before:
        await desk.file("The fee was taken twice.")
    await promise(answer_within_days=30, tracking_link_days=7)
    await desk.file("It reads once what has changed.")
    with db.counting() as after:
        await desk.file("The fee was taken twice again.")
    assert after.statements == before.statements


async def test_links_work_as_long_as_the_unit_promises(desk: Desk) -> None:
    leader = await desk.viewer("leader")
    await promise(tracking_link_days=7)
    filed = await desk.file("The fee was taken twice.")
    await case_links.make(leader, filed.case_id)
    await promise(tracking_link_days=30)
    await case_links.make(leader, filed.case_id)
    rows = await db.fetch("SELECT expires_at - created_at AS works FROM core_link ORDER BY created_at")
    assert [round(row["works"] / timedelta(days=1)) for row in rows] == [7, 7, 30]


async def test_a_message_that_waits_longer_than_promised_is_marked_late(desk: Desk) -> None:
    leader = await desk.signed_in("leader")
    bad = RawReceipt(channel="api", key="1", content_type="application/json", body=b"{")
    receipt = await intake.receive(bad)
    await intake.fault(receipt.id, "parsed", "Not a complaint.")
    await db.execute("UPDATE core_raw SET received_at = received_at - interval '2 hours'")
    assert ">Late<" not in (await leader.get("/intake")).text.replace("</svg>", ">")
    await promise(triage_within_hours=1)
    assert "Late</span>" in (await leader.get("/intake")).text


async def test_an_odd_value_in_the_database_stops_nothing(desk: Desk) -> None:
    await db.execute(
        "INSERT INTO core_setting (id, key, value, version, changed_by, changed_at) "
        """VALUES (gen_random_uuid(), 'promises', '{"value": {"answer_within_days": "soon", "x": 1}}', 1, 'x', now())"""
    )
    assert (await promises_in(None)).answer_within_days == 56
    assert await days(desk) == 56


async def test_an_export_holds_what_was_set_but_no_secret_and_says_so(desk: Desk, tmp_path: Path) -> None:
    await settings.change(SYSTEM, "p-letters", Change({"sender": "Desk"}, {"password": "swordfish-4711"}))
    path = tmp_path / "desk.zip"
    await export_all(path)
    with zipfile.ZipFile(path) as file:
        inside = {name: file.read(name) for name in file.namelist()}
    assert b'"sender"' in inside["settings.jsonl"]
    assert b"secret ones are not here" in inside["README.txt"]
    for name, data in inside.items():
        assert b"swordfish-4711" not in data, name
    assert not any("setting_secret" in name for name in inside)


async def test_a_unit_that_goes_takes_its_settings_and_secrets_with_it(desk: Desk) -> None:
    brand = await unit("direct", UUID(str(await db.fetchval("SELECT id FROM core_unit"))))
    await settings.change(SYSTEM, "p-letters", Change({"sender": "Desk"}, {"password": "swordfish"}), brand)
    await db.execute("DELETE FROM core_unit WHERE id = $1", brand)
    assert (
        await db.fetchval("SELECT (SELECT count(*) FROM core_setting) + (SELECT count(*) FROM core_setting_secret)")
        == 0
    )


def test_the_audit_trail_says_which_settings_were_changed() -> None:
    body = {"key": "p-webform", "fields": ["file_mb"], "secrets": {"password": "set"}, "version": 2, "tried": ""}
    said = str(phrase("setting.changed", body, Around(actor="Adam")))
    assert said == "Adam changed settings of webform (file mb, password)"


async def test_a_change_holds_from_the_next_complaint_on_in_every_process(desk: Desk) -> None:
    """Nothing is kept between two uses: what another process wrote, here past every cache, counts at once."""
    assert await days(desk) == 56
    await promise(answer_within_days=20)
    await db.execute("""UPDATE core_setting SET value = '{"value": {"answer_within_days": 9}}'""")
    with clock.at(clock.now() + timedelta(seconds=1)):
        assert (await promises_in(None)).answer_within_days == 9
    assert await days(desk) == 9
