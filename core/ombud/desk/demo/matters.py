"""How the demonstration firm works on single aspects: protocols, evidence asked for, promises, proposals to decide."""

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from ombud.desk.administration import protocols as protocol_setup
from ombud.desk.administration.protocols import ItemGiven
from ombud.desk.demo.firm import Firm
from ombud.desk.matters import evidence, proposals, protocols, tasks
from ombud.kernel import clock
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM, Viewer

# name, unit, steps, evidence
PROTOCOLS = (
    ("Cards and payments", "modra-cards",
     (ItemGiven("Call the customer back", "Within two working days, by the number they wrote from.", "warn"),
      ItemGiven("Read the card's log", "What was tried, where, and what the terminal said.", "warn"),
      ItemGiven("Say whether the loss is borne by us", "A disputed payment is paid back first, then examined.")),
     (ItemGiven("Log of the terminal", "From the acquirer, for the day in question.", "warn"),)),
    ("Mortgages and loans", "modra-loans",
     (ItemGiven("Reckon the interest anew", "With the rates as they were dated, and keep the working."),
      ItemGiven("Look for signs of difficulty", "Arrears, illness, loss of work: offer support before anything else.",
                "warn")),
     (ItemGiven("The signed agreement", "With all its annexes."),)),
)  # fmt: skip
ASKED = ("Statement of the month in question", "Photograph of the letter", "Name of the branch and the day")
PROMISED = (("Call back with the result", 4), ("Send the corrected statement", -2), ("Write to the credit bureau", 9))
CASES = 18


async def set_up(firm: Firm) -> None:
    """The protocols, which go with their units; called when the firm is founded."""
    for name, unit, steps, needed in PROTOCOLS:
        await protocol_setup.add(SYSTEM, name, "", firm.units[unit], steps, needed)


_OPEN = """
SELECT c.id AS case_id, c.owner_id, a.id AS aspect_id, said.id AS message_id, said.body
FROM core_case c JOIN core_aspect a ON a.case_id = c.id AND a.status = 'open' AND a.concerns_user_id IS NULL
JOIN LATERAL (SELECT m.id, m.body FROM core_message m WHERE m.case_id = c.id AND m.direction = 'in' AND m.body <> ''
    ORDER BY m.said_at DESC, m.id LIMIT 1) said ON TRUE
WHERE c.unit_id = ANY($1) AND c.status = 'in_progress' AND c.owner_id = ANY($2) AND NOT c.confidential
    AND NOT EXISTS (SELECT 1 FROM core_aspect x WHERE x.case_id = c.id AND x.concerns_user_id IS NOT NULL)
ORDER BY c.due_at, c.reference, a.position LIMIT $3
"""


async def work_on(firm: Firm, present: datetime) -> None:
    """What is under way in the open cases that are due first; called after the year is told."""
    staff = {viewer.user_id: viewer for viewer in firm.staff.values()}
    rows = await db.fetch(_OPEN, list(firm.units.values()), list(staff), CASES)
    for number, row in enumerate(rows):
        with clock.at(present - timedelta(hours=40 - 2 * number)):
            await _work(staff[row["owner_id"]], row, number, present)


async def _work(owner: Viewer, row: Record, number: int, present: datetime) -> None:
    aspect_id: UUID = row["aspect_id"]
    asked = await evidence.ask(
        owner, aspect_id, ASKED[number % len(ASKED)], asked_of="the customer",
        due_on=(present + timedelta(days=5 - number % 8)).date(),
    )  # fmt: skip
    if number % 5 == 4:
        await evidence.not_coming(owner, aspect_id, asked, "The customer does not have it any more.")
    what, days = PROMISED[number % len(PROMISED)]
    task = await tasks.promise(owner, aspect_id, what, (present + timedelta(days=days)).date())
    if number % 4 == 3:
        await tasks.done(owner, aspect_id, task)
    if number % 3 == 0:
        first = row["body"].split(". ")[0]
        quote = first if row["body"].count(first) == 1 else row["body"]  # words that stand there once
        await proposals.propose(owner, row["case_id"], row["message_id"], quote)
    steps = (await protocols.plan(aspect_id)).steps
    if steps and number % 2 == 0:
        await protocols.do_step(owner, aspect_id, steps[0].key, "Reached at the second try.")
