"""The side of a request that the public sees: sent by a form of a plugin, followed by a signed link, proved by a code.

Nothing here looks whether the desk knows somebody: what a stranger reads is the same for everybody.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from ombud.desk import attachments, units
from ombud.desk.calendars.arithmetic import local_day
from ombud.desk.calendars.versions import current
from ombud.desk.checking import checked_email, clean_text
from ombud.desk.errors import Invalid, NotAllowed, NotNow
from ombud.desk.privacy import laws, letters, papers
from ombud.desk.privacy.requests import LONG, SHORT, RequestGiven, note, put
from ombud.desk.writing import update
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust import links, throttle
from ombud.trust.link_signing import signature
from ombud_plugin_api import Law, RequestFollowed, RightAsked

PERIOD = timedelta(minutes=15)
CODE_MINUTES = 30
CODES, TRIES, WINDOW = 3, 5, timedelta(minutes=30)
AFTER = timedelta(days=365)  # that a link still opens an answered request


async def of_plugin(slug: str) -> tuple[Law, ...]:
    """Its laws as they hold in some unit here."""
    everywhere = [each.id for each in await units.from_above()]
    return tuple(each for each in await laws.holding(everywhere) if each.key == slug or each.key.startswith(f"{slug}."))


async def ask(slug: str, asked: RightAsked) -> str:
    """Records it and returns the token of its link. A receipt goes out where the desk can send one, and counts as the
    confirmation of receipt; where it cannot, the page that shows the token is the receipt, and staff confirm."""
    law, _ = await laws.find(asked.law, asked.right)
    if law.key != slug and not law.key.startswith(f"{slug}."):
        raise Invalid("Choose what you ask for.", "right")
    given = await _given(slug, law, asked)
    authority, added = attachments.checked(asked.authority), attachments.checked(asked.documents)
    actor = f"plugin/{slug}"
    async with db.transaction():
        made = await put(actor, None, given)
        kept = await db.fetchval("SELECT count(*) FROM core_privacy_file WHERE request_id = $1", made)
        row = await _row(made)
        fresh = not kept and row["acknowledged_at"] is None and row["version"] == 1
        if fresh:
            await papers.keep(made, papers.AUTHORITY, authority, actor)
            await papers.keep(made, papers.ADDED, added, actor)
            await update("core_privacy_request", made, {"language": asked.language[:10]})
    token = links.token_of(made)
    if fresh:
        await _receipt(slug, made, token)
    return token


async def _given(slug: str, law: Law, asked: RightAsked) -> RequestGiven:
    name = clean_text(asked.name, "name", longest=SHORT)
    email = checked_email(asked.email, "email")
    agent = clean_text(asked.agent_name, "agent_name", longest=SHORT)
    if not name:
        raise Invalid("Give the name of the person whose data it is.", "name")
    if not email:
        raise Invalid("Give an e-mail address. Our answer goes there.", "email")
    if asked.authority and not agent:
        raise Invalid("Give your name: you ask for somebody else.", "agent_name")
    words = clean_text(asked.words, "words", longest=LONG)
    parts = (slug, asked.key, asked.law, asked.right, name, email, agent, words)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return RequestGiven(
        law=asked.law, kind=asked.right, unit_id=await _unit(law), name=name, contact=email, words=words,
        channel="form", agent_name=agent, key=f"form/{digest}" if asked.key else "",
    )  # fmt: skip


async def _unit(law: Law) -> UUID:
    """The first unit in which the law holds; the desk's first, which then says so, where it holds in none."""
    everywhere = [each.id for each in await units.from_above()]
    return await laws.first_unit(law.key, everywhere) or (await units.first()).id


async def _receipt(slug: str, request_id: UUID, token: str) -> None:
    row, actor = await _row(request_id), f"plugin/{slug}"
    if await letters.send(row, "receipt", actor, f"/p/{slug}/asked/{token}"):
        async with db.transaction():
            await update("core_privacy_request", request_id, {"acknowledged_at": now()})
            await note(actor, row, "privacy.acknowledged", {"by": "receipt"})


async def _row(request_id: UUID) -> Record:
    row = await db.fetchrow("SELECT * FROM core_privacy_request WHERE id = $1", request_id)
    if row is None:
        raise links.LinkInvalid
    return row


async def _opened(slug: str, token: str) -> Record:
    """The request behind a token, where it is one of this plugin's laws and not long over."""
    row = await _row(links.link_id_of(token))
    if row["law"] != slug and not str(row["law"]).startswith(f"{slug}."):
        raise links.LinkInvalid
    if row["answered_at"] is not None and row["answered_at"] < now() - AFTER:
        raise links.LinkExpired
    return row


async def follow(slug: str, token: str, proof: str = "") -> RequestFollowed:
    """How it stands, in what everybody may know who holds the link."""
    row = await _opened(slug, token)
    organisation = await db.fetchval("SELECT name FROM core_unit WHERE id = $1", row["unit_id"])
    calendar = await current(row["unit_id"])
    proven = links.proof_ok(row["id"], proof)
    return RequestFollowed(
        reference=row["reference"], law=row["law"], right=row["kind"], does=row["does"],
        received_on=local_day(calendar, row["received_at"]), answer_by=local_day(calendar, row["due_at"]),
        state=row["state"], outcome=row["outcome"], organisation=str(organisation or ""),
        identity=row["terms"]["identity"], for_somebody=bool(row["agent_name"]),
        may_prove=bool(await letters.way(row)), proved=proven,
        extended_because=row["extended_because"] if proven else "", answered_at=row["answered_at"],
        answer=row["answer"] if proven else "",
    )  # fmt: skip


async def send_code(slug: str, token: str) -> None:
    row = await _opened(slug, token)
    if not await letters.way(row):
        raise NotNow("We cannot send you a code. Call us or write to us, and say the reference.")
    await throttle.hit(f"privacy/code/{row['id']}", CODES, WINDOW)
    await letters.send(row, "code", f"plugin/{slug}", code=_code(row["id"], 0), minutes=str(CODE_MINUTES))


def _code(request_id: UUID, back: int) -> str:
    """Six digits that hold for this quarter of an hour and the one after; nothing is stored."""
    period = int(now().timestamp() // PERIOD.total_seconds()) - back
    signed = signature("privacy-code", request_id.bytes + period.to_bytes(8, "big"))
    return f"{int.from_bytes(signed[:8], 'big') % 1_000_000:06}"


async def prove(slug: str, token: str, code: str, minutes: int = 20) -> str:
    """That the address is theirs is what staff go by; whether it is the person's is for them to say."""
    row = await _opened(slug, token)
    typed = "".join(each for each in clean_text(code, "code", longest=50, required=True) if each.isdigit())
    await throttle.hit(f"privacy/prove/{row['id']}", TRIES, WINDOW)
    matches = [hmac.compare_digest(_code(row["id"], back).encode(), typed.encode()) for back in (0, 1, 2)]
    if not any(matches):
        raise Invalid("This is not the code, or it is too old. Ask for a new one.", "code")
    if row["proved_at"] is None and row["state"] == "open":
        async with db.transaction():
            await update("core_privacy_request", row["id"], {"proved_at": now()})
            await note(f"plugin/{slug}", row, "privacy.address_proved", {})
    return links.proof_for(row["id"], max(1, min(minutes, 60)))


async def withdraw(slug: str, token: str, proof: str) -> None:
    """They take it back."""
    row: Any = await _opened(slug, token)
    if not links.proof_ok(row["id"], proof):
        raise NotAllowed("Type the code from our e-mail first, so that we know it is you.")
    async with db.transaction():
        row = await db.fetchrow("SELECT * FROM core_privacy_request WHERE id = $1 FOR UPDATE", row["id"])
        if row is None or row["state"] != "open":
            raise NotNow("This request is closed already.")
        await update("core_privacy_request", row["id"], {"state": "withdrawn"})
        await note(f"plugin/{slug}", row, "privacy.withdrawn", {"by": "person"})
