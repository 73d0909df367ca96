from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.trust import group_settings as settings
from ombud.trust import users
from ombud.trust.group_settings import Change
from ombud.trust.ledger import open_sealed
from ombud.trust.policy import Viewer
from ombud.trust.settings import MayNotSetError
from ombud.trust.viewers import viewer_of_user


async def administrator(*units: str) -> Viewer:
    adam = await users.add("adam", "Adam", "", None, ["administrator"], units[0], "system")
    for unit in units[1:]:
        await users.give_role(adam, "administrator", unit, "system")
    found = await viewer_of_user(adam)
    assert found is not None
    return found


def held(found: list[settings.Level]) -> list[Any]:
    return [each.values.get("hours") for each in found]


async def test_what_is_set_is_found_from_the_unit_upwards_and_the_deployment_last(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    assert await settings.levels("reply", desk["north-team"]) == []
    await settings.change(adam, "reply", Change({"hours": 48}))
    await settings.change(adam, "reply", Change({"hours": 8}), desk["north"])
    assert held(await settings.levels("reply", desk["acme"])) == [48]
    assert held(await settings.levels("reply", desk["north"])) == [8, 48]
    assert held(await settings.levels("reply", desk["north-team"])) == [8, 48]
    assert held(await settings.levels("reply", desk["zenith"])) == [48]
    assert held(await settings.levels("reply")) == [48]


async def test_a_change_on_an_older_version_is_refused_and_writes_nothing(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    assert await settings.change(adam, "letters", Change({"sender": "Desk"}), version=0) == 1
    assert await settings.change(adam, "letters", Change({"sender": "Complaints"}), version=1) == 2
    with pytest.raises(settings.GroupChangedError) as refused:
        await settings.change(adam, "letters", Change({"sender": "Mine"}, {"password": "hunter2"}), version=1)
    assert refused.value.version == 2
    (level,) = await settings.levels("letters")
    assert (level.values, level.secrets) == ({"sender": "Complaints"}, {})


async def test_one_entry_holds_before_and_after_of_what_changed_and_nothing_else(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    await settings.change(adam, "letters", Change({"sender": "Desk", "copies": 2}))
    await settings.change(adam, "letters", Change({"sender": "Complaints"}, unset=frozenset({"copies", "unknown"})))
    rows = await db.fetch("SELECT stream, seq, body FROM core_ledger_entry WHERE kind = 'setting.changed' ORDER BY seq")
    assert [row["body"]["version"] for row in rows] == [1, 2]
    assert rows[1]["body"]["fields"] == ["copies", "sender"]
    opened = {each.field: each.value for each in await open_sealed([(rows[1]["stream"], rows[1]["seq"])])}
    assert opened == {"before": {"sender": "Desk", "copies": 2}, "after": {"sender": "Complaints"}}


async def test_what_changes_nothing_leaves_no_trace(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    assert await settings.change(adam, "letters", Change(unset=frozenset({"sender"}))) == 0
    assert await db.fetchval("SELECT count(*) FROM core_setting") == 0
    await settings.change(adam, "letters", Change({"sender": "Desk"}))
    assert await settings.change(adam, "letters", Change({"sender": "Desk"}), version=1) == 1
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'setting.changed'") == 1


async def test_a_secret_is_stored_encrypted_replaced_removed_and_told_to_nobody(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    await settings.change(adam, "letters", Change(secrets={"password": "hunter2"}))
    await settings.change(adam, "letters", Change(secrets={"password": "swordfish"}), desk["north"])
    assert await settings.reveal("letters", desk["north-team"]) == {"password": "swordfish"}
    assert await settings.reveal("letters", desk["zenith"]) == {"password": "hunter2"}
    (level,) = await settings.levels("letters")
    assert level.secrets["password"].by == "Adam"
    await settings.change(adam, "letters", Change(secrets={"password": "open sesame"}))
    await settings.change(adam, "letters", Change(unset=frozenset({"password"})), desk["north"])
    assert await settings.reveal("letters", desk["north"]) == {"password": "open sesame"}
    told = await db.fetch(
        "SELECT body->'secrets' AS told FROM core_ledger_entry WHERE kind = 'setting.changed' ORDER BY id"
    )
    assert [row["told"]["password"] for row in told] == ["set", "set", "replaced", "removed"]
    for table in ("core_setting", "core_setting_secret", "core_ledger_entry", "core_sealed", "core_delivery"):
        dump = "".join(str(dict(row)) for row in await db.fetch(f"SELECT to_jsonb(t) AS row FROM {table} t"))
        for secret in ("hunter2", "swordfish", "open sesame"):
            assert secret not in dump
            assert secret.encode().hex() not in dump


async def test_who_administers_one_unit_sets_nothing_in_another(desk: Any) -> None:
    adam, nobody = await administrator("north"), Viewer(actor="user/x")
    for viewer, unit in ((adam, desk["zenith"]), (adam, None), (nobody, desk["north"]), (nobody, None)):
        with pytest.raises(MayNotSetError):
            await settings.change(viewer, "letters", Change({"sender": "Mine"}), unit)
    await settings.change(adam, "letters", Change({"sender": "North"}), desk["north-team"])
    assert await settings.levels("letters", desk["zenith"]) == []
