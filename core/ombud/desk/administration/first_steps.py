"""What whoever set a desk up does next, as long as nothing came in: named once, ticked off by what the desk holds."""

from dataclasses import dataclass

from ombud.desk import first_desk, promises
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust.policy import Viewer


@dataclass(frozen=True)
class Step:
    """`done`: the desk holds what it asks for, None where nothing could tell."""

    label: str
    text: str
    href: str
    done: bool | None


_STANDING = """
SELECT (SELECT id FROM core_unit WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1) AS unit,
    EXISTS (SELECT 1 FROM core_unit WHERE name = $1) AS unnamed,
    (SELECT count(*) FROM core_user WHERE active) > 1 AS people,
    EXISTS (SELECT 1 FROM core_setting WHERE key = $2) AS promised,
    EXISTS (SELECT 1 FROM core_taxonomy_term WHERE kind = 'category') AS categories
"""


async def first_steps(viewer: Viewer) -> list[Step]:
    """Those that this viewer may take, in order; empty for who sets nothing up. One statement at most."""
    sets_up = {each for each in ("setting.manage", "user.manage", "plugin.manage") if viewer.may(each)}
    if not sets_up:
        return []
    found = await db.fetchrow(_STANDING, first_desk.NAME, promises.KEY)
    assert found is not None
    doors = any(loaded.channels or "file" in loaded.manifest.doors for loaded in running.loaded.values())
    steps = (
        ("setting.manage", Step(
            "Name your organisation", "Its name, telephone and time zone stand in letters and on the public pages.",
            f"/units/{found['unit']}", not found["unnamed"],
        )),
        ("user.manage", Step(
            "Add the people who work here", "Each with a log-in and a role of their own.", "/users/new",
            found["people"],
        )),
        ("plugin.manage", Step(
            "Open the ways complaints come in", "A public form, mailboxes, letters, telephone: each is a plugin.",
            "/plugins", doors,
        )),
        ("setting.manage", Step(
            "Say what complaints are about", "Categories: figures, queues and returns to regulators count by them.",
            "/taxonomies/category", found["categories"],
        )),
        ("setting.manage", Step(
            "Promise when you answer", "How many days an answer may take: customers are told, clocks count.",
            f"/settings/{promises.KEY}", found["promised"],
        )),
        ("setting.manage", Step(
            "See the public form as a customer", "Send a complaint through it to see what happens next.", "/complain",
            None,
        )),
    )  # fmt: skip
    served = any("file" in loaded.manifest.doors for loaded in running.loaded.values())
    return [step for permission, step in steps if permission in sets_up and (served or step.href != "/complain")]
