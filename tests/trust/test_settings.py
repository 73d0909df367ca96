from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.trust import settings, users
from ombud.trust.policy import Viewer
from ombud.trust.viewers import viewer_of_user


async def administrator(*units: str) -> Viewer:
    adam = await users.add("adam", "Adam", "", None, ["administrator"], units[0], "system")
    for unit in units[1:]:
        await users.give_role(adam, "administrator", unit, "system")
    found = await viewer_of_user(adam)
    assert found is not None
    return found


async def test_the_nearest_unit_above_decides_and_the_deployment_last(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    assert await settings.read("reply.hours", desk["north-team"], 24) == 24
    await settings.change(adam, "reply.hours", 48)
    await settings.change(adam, "reply.hours", 8, desk["north"])
    held = [await settings.read("reply.hours", desk[unit]) for unit in ("acme", "north", "north-team", "zenith")]
    assert held == [48, 8, 8, 48]
    assert await settings.read("reply.hours") == 48


async def test_a_change_on_an_older_version_is_refused_with_the_value_that_holds(desk: Any) -> None:
    adam = await administrator("acme", "zenith")
    assert await settings.change(adam, "sender", "Desk", version=0) == 1
    assert await settings.change(adam, "sender", "Complaints", version=1) == 2
    with pytest.raises(settings.SettingChangedError) as refused:
        await settings.change(adam, "sender", "Mine", version=1)
    assert (refused.value.value, refused.value.version) == ("Complaints", 2)
    rows = await db.fetch("SELECT body, sealed FROM core_ledger_entry WHERE kind = 'setting.changed' ORDER BY seq")
    assert [row["body"]["version"] for row in rows] == [1, 2]
    assert all(set(row["sealed"]) == {"before", "after"} for row in rows)


async def test_who_administers_one_unit_sets_nothing_in_another(desk: Any) -> None:
    adam, nobody = await administrator("north"), Viewer(actor="user/x")
    for viewer, unit in ((adam, desk["zenith"]), (adam, None), (nobody, desk["north"]), (nobody, None)):
        with pytest.raises(settings.MayNotSetError):
            await settings.change(viewer, "sender", "Mine", unit)
    await settings.change(adam, "sender", "North", desk["north-team"])
    assert await settings.read("sender", desk["zenith"]) is None
