"""The ledger's newest root by e-mail, once a day: whoever keeps these mails elsewhere can show later that nothing that
was recorded by then has been changed or cut off."""

from ombud.desk import units
from ombud.desk.outgoing.apart import Letter, email_way, post
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import JobContext
from ombud.process import settings
from ombud.trust import checkpoints
from ombud.trust.canonical import canonical
from ombud_plugin_api.errors import Misconfigured

JOB = "ledger.mail"
KIND = "root"
_WORDS = """This is the root of the ledger of {name}, as of checkpoint {n}.

{line}

Keep this mail where nobody who runs the desk can change it. To see that the ledger still holds what it held then, write
the line above into a file and run, on the desk:

    ombud ledger verify --published FILE

A root proves that nothing recorded by then was changed or taken away. It does not prove that what was recorded was
true.
"""


async def send(payload: dict[str, object], context: JobContext) -> None:
    """Once a day, safe to run twice; what goes wrong stands among the jobs."""
    address = settings().ledger.publish_email
    newest = (await checkpoints.newest()) if address else None
    if newest is None:
        return
    home = await units.first()
    key = f"ledger-root/{now().date().isoformat()}"
    if await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_outgoing WHERE key = $1)", key):
        return
    way = await email_way(home.id)
    if not way:
        raise Misconfigured("Nothing sends e-mail here, so the ledger's root cannot go out. Set up a mailbox.")
    line = canonical(newest.shown).decode()
    text = _WORDS.format(name=home.name, n=newest.n, line=line)
    recipient = {"name": "", "email": address, "language": "en"}
    subject = f"Root of the ledger, checkpoint {newest.n}"
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM core_outgoing WHERE key = $1)", key):
            await post(Letter(KIND, home.id, way, recipient, subject, text, key))
