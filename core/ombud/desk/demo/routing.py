"""What the demonstration firm's people can do, who is away, its escalation ladders and some cases that climb them."""

from datetime import datetime, timedelta

from ombud.desk.demo.firm import Firm
from ombud.desk.routing import absences, climbing, ladders, next_item, profiles, skills
from ombud.desk.routing.laddering import After, Content, Starts, Step
from ombud.desk.routing.profiles import ProfileGiven
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

# key, name, what asks for it
SKILLS = (
    ("modra-fraud", "Fraud", {"category": ["fraud"]}),
    ("modra-cards", "Cards and chargebacks", {"case_type": ["modra_card"]}),
    ("modra-loans", "Mortgages and loans", {"case_type": ["modra_loan"]}),
    ("modra-arrears", "Arrears", {"case_type": ["modra_arrears"]}),
    ("modra-files", "Credit files", {"case_type": ["modra_file"]}),
)

_WEEK = {str(day): [["09:00", "12:30"], ["13:00", "17:00"]] for day in range(5)}
# name → skills, languages, open work at once (None: no limit), leader
PROFILES: dict[str, tuple[tuple[str, ...], tuple[str, ...], int | None, str]] = {
    "ewa": (("modra-cards", "modra-fraud"), ("en", "pl"), None, "anna"),
    "piotr": (("modra-cards", "modra-arrears"), ("en", "pl", "uk"), None, "anna"),
    "jonas": (("modra-cards",), ("de", "en"), 40, "anna"),
    "ines": (("modra-cards",), ("en", "es", "pt"), 40, "anna"),
    "deniz": (("modra-cards", "modra-fraud"), ("en", "tr"), 40, "anna"),
    "luca": (("modra-cards",), ("en", "it"), 40, "anna"),
    "aoife": (("modra-loans",), ("en",), 40, "marta"),
    "katarina": (("modra-loans",), ("en", "sk"), 40, "marta"),
    "mateusz": (("modra-loans",), ("en", "pl"), 40, "marta"),
    "sofie": (("modra-loans",), ("da", "en"), 40, "marta"),
    "tomas": (("modra-arrears",), ("cs", "en"), 40, "marta"),
    "yasmin": (("modra-arrears",), ("ar", "en", "fr"), 40, "marta"),
    "oleh": (("modra-files",), ("en", "uk"), 60, "anna"),
    "henrik": (("modra-files",), ("en", "nl"), 60, "anna"),
    "marta": ((), ("en", "et"), 0, "anna"),
}
# name, from so many days before today, to so many after it, who stands in
AWAY = (("sofie", -3, 4, "mateusz"), ("ines", -1, 9, "jonas"), ("ewa", 25, 35, "piotr"))

# key, name, what starts it, its steps
LADDERS = (
    ("modra-red", "Angry, with support needs", Starts(mood="angry", support_needs=True),
     (Step("leader"), Step("queue", After(60, business=True), "modra-grave", hand_over=True))),
    ("modra-late", "Answer overdue", Starts(),
     (Step("owner"), Step("leader", After(24 * 60)), Step("role", After(48 * 60), "compliance"))),
)  # fmt: skip
CLIMBING = ((49, 4), (20, 3))  # so many hours ago, so many cases
ASKED = (("ewa", "modra-accounts", 5), ("piotr", "modra-cards", 3))  # who asked for the next one of a queue, hours ago


async def set_up(firm: Firm, present: datetime) -> None:
    """Skills, profiles, absences and ladders; called when the firm is founded."""
    for key, name, needed_by in SKILLS:
        firm.made.append(("skill", await skills.add(SYSTEM, key, name, needed_by)))
    for name, (held, languages, capacity, leader) in PROFILES.items():
        given = ProfileGiven(
            skills=held, languages=languages, capacity=capacity, leader_id=firm.staff[leader].user_id,
            pattern=_WEEK if capacity else {}, time_zone="Europe/Warsaw" if capacity else "",
        )  # fmt: skip
        user_id = firm.staff[name].user_id
        assert user_id is not None
        await profiles.set_profile(SYSTEM, user_id, given, 0)
    for name, first, last, to in AWAY:
        viewer, today = firm.staff[name], present.date()
        assert viewer.user_id is not None
        days = today + timedelta(days=first), today + timedelta(days=last)
        await absences.add(viewer, viewer.user_id, *days, firm.staff[to].user_id)
    for key, name, starts, steps in LADDERS:
        identity = await ladders.add(SYSTEM, key, name, firm.units["modra"], Content(steps, starts))
        firm.made.append(("ladder", identity))


_LATE = """
SELECT c.id FROM core_case c WHERE c.unit_id = ANY($1) AND c.owner_id IS NOT NULL AND c.status = 'in_progress'
    AND c.due_at < $2 AND NOT EXISTS (SELECT 1 FROM core_escalation e WHERE e.case_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM core_message m WHERE m.case_id = c.id AND m.direction = 'out' AND m.recorded_at >= $2)
ORDER BY c.due_at, c.reference LIMIT $3
"""


async def give_out(firm: Firm, present: datetime) -> None:
    """The last two days: overdue cases climb, and two people ask for the next one; called after the year is told."""
    below = await db.fetch(
        "WITH RECURSIVE b AS (SELECT $1::uuid AS id UNION SELECT u.id FROM core_unit u JOIN b ON u.parent_id = b.id) "
        "SELECT id FROM b",
        firm.units["modra"],
    )
    units = [row["id"] for row in below]
    for hours, many in CLIMBING:
        with clock.at(present - timedelta(hours=hours)):
            for row in await db.fetch(_LATE, units, clock.now(), many):
                await climbing.escalate(row["id"], "modra-late")
    for hours in (24, 1):
        with clock.at(present - timedelta(hours=hours)):
            await climbing.climb_due()
    for name, queue, hours in ASKED:
        with clock.at(present - timedelta(hours=hours)):
            await next_item.take_next(firm.staff[name], queue)
