"""What plugins may ask and write for somebody on the telephone: never more than the viewer would see by themselves."""

import asyncio
from datetime import date
from typing import Any

import pytest

from ombud.desk import aspects, cases, people
from ombud.desk.platform import CorePlatform
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust import plugin_data, users, vault
from ombud.trust.policy import SYSTEM
from ombud.trust.viewers import viewer_of_user
from ombud_plugin_api import Complaint, Matter, PersonGiven, RawReceipt, Refused, Representative

PHONE = "+44 20 7946 0018"


async def _unit(key: str) -> None:
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, country, language, phone, "
        "created_at, version) VALUES ($1, NULL, 'brand', $2, $2, 'UTC', 'EUR', 'GB', 'en', '', now(), 1)",
        new_id(), key,
    )  # fmt: skip


async def _in(unit: str, name: str, *roles: str) -> CorePlatform:
    identity = await users.add(name, name.capitalize(), "", "correct horse battery", list(roles), unit, "system")
    viewer = await viewer_of_user(identity)
    assert viewer is not None
    return CorePlatform("dummy", viewer)


async def _of(desk: Any, name: str) -> CorePlatform:
    return CorePlatform("dummy", await desk.viewer(name))


async def _role(permissions: list[str]) -> None:
    await db.execute("INSERT INTO core_role (key, label, permissions) VALUES ('narrow', 'Narrow', $1)", permissions)


@pytest.mark.parametrize("written", ["020 7946 0018", "0044 (20) 7946-0018", "+442079460018", "2079460018"])
async def test_a_caller_is_found_by_their_number_however_it_is_written(desk_with_dummy: Any, written: str) -> None:
    filed = await desk_with_dummy.file(phone=PHONE)
    await desk_with_dummy.file(phone="+44 20 7946 0019", name="Somebody Else", email="else@example.org")
    (found,) = await (await _of(desk_with_dummy, "agent")).people(phone=written)
    assert (found.name, found.agrees, [each.reference for each in found.cases]) == (
        "Helena Marsh", ("phone",), [filed.reference],
    )  # fmt: skip
    assert found.cases[0].may_write


async def test_by_address_and_name_too_and_what_agrees_is_told(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file(phone=PHONE, postcode="LS1 1AA")
    agent = await _of(desk_with_dummy, "agent")
    (found,) = await agent.people(email="HELENA@example.org", name="helena  marsh", postcode="ls11aa", phone="1")
    assert found.agrees == ("email", "name", "postcode")
    assert await agent.people(postcode="LS1 1AA") == ()
    assert await agent.people(phone="0018") == (), "a few digits would find strangers"
    assert await agent.people() == ()
    assert await CorePlatform("dummy").people(phone=PHONE) == ()


async def test_another_units_people_are_not_found(desk_with_dummy: Any) -> None:
    for key in ("north", "south"):
        await _unit(key)
    await desk_with_dummy.file(phone=PHONE, unit="south")
    assert await (await _in("north", "nora", "agent")).people(phone=PHONE, email="helena@example.org") == ()
    assert len(await (await _in("south", "sue", "agent")).people(phone=PHONE)) == 1
    mine = await desk_with_dummy.file(phone=PHONE, unit="north")
    (found,) = await (await _of_known("nora")).people(phone=PHONE)
    assert [each.reference for each in found.cases] == [mine.reference]


async def _of_known(name: str) -> CorePlatform:
    viewer = await viewer_of_user(await db.fetchval("SELECT id FROM core_user WHERE name = $1", name))
    assert viewer is not None
    return CorePlatform("dummy", viewer)


async def test_a_confidential_case_finds_nobody(desk_with_dummy: Any) -> None:
    await desk_with_dummy.file(phone=PHONE, confidential=True)
    assert await (await _of(desk_with_dummy, "agent")).people(phone=PHONE, name="Helena Marsh") == ()
    assert len(await (await _of(desk_with_dummy, "compliance")).people(phone=PHONE)) == 1


async def test_a_case_about_the_viewer_finds_nobody_and_is_named_to_them_in_no_answer(desk_with_dummy: Any) -> None:
    agent, viewer = await _of(desk_with_dummy, "agent"), await desk_with_dummy.viewer("agent")
    filed = await desk_with_dummy.file("Agent shouted at me.", phone=PHONE)
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    await aspects.concern(SYSTEM, aspect, viewer.user_id)
    assert await agent.people(phone=PHONE, email="helena@example.org", name="Helena Marsh") == ()
    other = await desk_with_dummy.file("The fee was taken twice.", phone=PHONE)
    (found,) = await agent.people(phone=PHONE)
    assert [each.reference for each in found.cases] == [other.reference]
    assert filed.reference not in str(found)


async def test_who_a_case_speaks_about_is_no_caller(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file(phone=PHONE)
    leader = await desk_with_dummy.viewer("leader")
    person = PersonGiven(name="Bob Witness", phone="+44 20 7946 0099")
    await people.add_party(leader, filed.case_id, person, "witness")
    assert await (await _of(desk_with_dummy, "leader")).people(phone="+44 20 7946 0099") == ()


async def test_who_may_not_see_numbers_finds_nobody_by_one(desk_with_dummy: Any) -> None:
    await _role(["case.read", "person.read"])
    await desk_with_dummy.file(phone=PHONE, postcode="LS1 1AA")
    narrow = await _of(desk_with_dummy, "narrow")
    assert await narrow.people(phone=PHONE, email="helena@example.org") == ()
    (found,) = await narrow.people(name="Helena Marsh", phone=PHONE, postcode="LS1 1AA")
    assert (found.agrees, found.phone, found.email, found.postcode) == (("name",), "", "", "")
    assert not found.cases[0].may_write


async def test_options_are_the_units_in_which_one_may_file(desk_with_dummy: Any) -> None:
    await _unit("north")
    assert [each.key for each in (await (await _in("north", "nora", "agent")).filing_options()).units] == ["north"]
    assert (await (await _in("north", "quinn", "quality")).filing_options()).units == ()
    options = await (await _of(desk_with_dummy, "agent")).filing_options()
    assert [each.key for each in options.case_types] == ["complaint"]


async def test_what_was_told_stands_in_the_case_once_and_only_for_those_who_may_write(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file()
    agent = await _of(desk_with_dummy, "agent")
    for _ in range(2):
        await agent.write(filed.reference, "told", "The card came.", "call-1", "dummy")
    await agent.write(filed.reference, "note", "Call back on Monday.", "call-2")
    rows = await db.fetch("SELECT direction, channel, author_id FROM core_message WHERE key <> '' ORDER BY recorded_at")
    assert [(row["direction"], row["channel"]) for row in rows] == [("in", "dummy"), ("note", "desk")]
    assert all(row["author_id"] for row in rows)
    for kind, channel in (("answer", ""), ("told", "email")):
        with pytest.raises(Refused):
            await agent.write(filed.reference, kind, "No.", "3", channel)
    with pytest.raises(Refused):
        await (await _of(desk_with_dummy, "quality")).write(filed.reference, "note", "No.", "4")
    with pytest.raises(Refused, match="no case"):
        await agent.write("OMB-00000-0", "note", "No.", "5")
    await cases.set_confidential(await desk_with_dummy.viewer("compliance"), filed.case_id, True, None)
    with pytest.raises(Refused, match="no case"):
        await agent.write(filed.reference, "note", "No.", "6")


async def test_an_entry_of_a_plugin_names_it_and_holds_codes(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file()
    agent = await _of(desk_with_dummy, "agent")
    await agent.record(filed.case_id, "dummy.listened", {"recording": "7", "seconds": 12, "whole": True})
    row = await db.fetchrow("SELECT actor, body FROM core_ledger_entry WHERE kind = 'dummy.listened'")
    assert row["actor"].startswith("user/")
    assert row["body"] == {"recording": "7", "seconds": 12, "whole": True}
    for kind, body in (
        ("case.closed", {}), ("other.listened", {}), ("dummy.", {}), ("dummy.x", {"words": "x" * 101}),
        ("dummy.ok", {"Bad name": 1}), ("dummy.ok", {"list": [1]}),
    ):  # fmt: skip
        with pytest.raises(Refused):
            await agent.record(filed.case_id, kind, body)
    await cases.set_confidential(await desk_with_dummy.viewer("compliance"), filed.case_id, True, None)
    with pytest.raises(Refused, match="no case"):
        await agent.record(filed.case_id, "dummy.listened", {})
    await CorePlatform("dummy").record(filed.case_id, "dummy.dropped", {"recording": "7"})
    assert await db.fetchval("SELECT actor FROM core_ledger_entry WHERE kind = 'dummy.dropped'") == "plugin/dummy"


async def test_a_case_is_opened_with_whoever_speaks_for_the_complainant(desk_with_dummy: Any) -> None:
    agent = await _of(desk_with_dummy, "agent")
    speaks = Representative(
        person=PersonGiven(name="Rita Rep", phone=PHONE), authority="Letter of 3 May", until=date(2027, 5, 3)
    )

    def complaint(representative: Representative) -> Complaint:
        helena = PersonGiven(name="Helena Marsh")
        return Complaint(
            channel="dummy", person=helena, matters=(Matter(text="Fee."),), told=True, represented_by=representative
        )

    raw = RawReceipt(channel="dummy", key="1", content_type="text/plain", body=b"Fee.")
    first, second = await agent.file(raw, complaint(speaks)), await agent.file(raw, complaint(speaks))
    assert first.case_id == second.case_id
    rows = await db.fetch(
        "SELECT y.role, y.authority, y.authority_until, p.name FROM core_party y "
        "JOIN core_person p ON p.id = y.person_id ORDER BY y.role"
    )
    assert [tuple(row) for row in rows] == [
        ("complainant", "", None, "Helena Marsh"), ("representative", "Letter of 3 May", date(2027, 5, 3), "Rita Rep"),
    ]  # fmt: skip
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'party.added'") == 1
    (found,) = await agent.people(phone=PHONE)
    assert (found.cases[0].role, found.cases[0].authority_until) == ("representative", date(2027, 5, 3))
    empty = Representative(person=PersonGiven(name="Rita Rep"), authority=" ")
    with pytest.raises(Refused, match="lets them act"):
        await agent.file(RawReceipt(channel="dummy", key="2", content_type="", body=b""), complaint(empty))


async def test_files_named_in_a_declaration_are_destroyed_with_their_rows(desk_with_dummy: Any) -> None:
    filed = await desk_with_dummy.file()
    platform = CorePlatform("dummy")
    mine, others = await platform.keep_file(b"a voice"), await platform.keep_file(b"another voice")
    foreign = await vault.store("plugin/other", b"not the plugin's")
    await db.execute("CREATE TABLE dummy_voice (id uuid PRIMARY KEY, case_id uuid, file_id uuid)")
    for file in (mine, foreign):
        await db.execute("INSERT INTO dummy_voice VALUES ($1, $2, $3)", new_id(), filed.case_id, file)
    table = {"name": "dummy_voice", "person": "case_id", "person_via": "case", "personal": ["file_id"],
             "erase": "delete", "files": ["file_id"]}  # fmt: skip
    await db.execute(
        "UPDATE core_plugin SET declaration = $1 WHERE slug = 'dummy'", {"prefix": "dummy_", "tables": [table]}
    )

    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await plugin_data.erase(SYSTEM, person)
    with pytest.raises(Refused):
        await platform.kept_file(mine)
    assert await platform.kept_file(others) == b"another voice"
    assert await vault.load(foreign) == b"not the plugin's"
    assert await db.fetchval("SELECT count(*) FROM dummy_voice") == 0


async def test_a_file_dropped_while_it_is_read_is_refused_like_one_that_is_gone(desk_with_dummy: Any) -> None:
    platform = CorePlatform("dummy")
    seen = set()
    for _ in range(40):
        file = await platform.keep_file(b"a voice")
        for answer in await asyncio.gather(
            *(platform.kept_file(file) for _ in range(3)), platform.drop_file(file), return_exceptions=True
        ):
            seen.add(answer if not isinstance(answer, BaseException) else type(answer))
    assert seen <= {b"a voice", None, Refused}
