"""What a plugin writes into a case on behalf of its viewer: what somebody told them, a note, an entry of its own."""

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from ombud.desk import messages
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.writing import case_id_of, no_case
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust.ledger import NewEntry, append
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api import Document
from ombud_plugin_api.callers import TOLD_KINDS

_KIND = re.compile(r"[a-z][a-z_]{1,39}\Z")
_NAME = re.compile(r"[a-z][a-z_]{0,39}\Z")
LONGEST_CODE, MOST_CODES = 100, 20


async def write(
    slug: str,
    viewer: Viewer,
    reference: str,
    kind: str,
    text: str,
    key: str,
    channel: str = "",
    documents: Sequence[Document] = (),
) -> UUID:
    """Raises Invalid, NotAllowed, NotFound."""
    if kind not in TOLD_KINDS:
        raise Invalid(f"A plugin writes {' or '.join(TOLD_KINDS)} to a case, not {kind!r}.", "kind")
    loaded = running.loaded.get(slug)
    own = {each.key for each in loaded.channels} if loaded is not None else set()
    if channel and channel not in own:
        raise Invalid(f"The plugin {slug} has no channel {channel!r}.", "channel")
    case_id = await case_id_of(viewer, reference)
    return await messages.write(
        viewer, case_id, kind, text, key=f"{slug}/{key}"[:200], documents=documents, channel=channel or "desk"
    )


def kinds_begin(slug: str) -> str:
    """What stands before the dot in kinds of entries of a plugin: the ledger's words have no hyphens."""
    return slug.replace("-", "_")


async def record(slug: str, viewer: Viewer, case_id: UUID, kind: str, body: Mapping[str, str | int | bool]) -> None:
    """An entry of the plugin's own kind. What it does by itself, without a viewer, it may write down for any case. A
    plugin that has clocks is asked for them anew, since they may depend on it."""
    own, _, word = kind.partition(".")
    if own != kinds_begin(slug) or not _KIND.match(word):
        raise Invalid(f"The kind of an entry begins with {kinds_begin(slug)}. and a small word, not {kind!r}.", "kind")
    for name, value in body.items():
        fits = isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= LONGEST_CODE)
        if not _NAME.match(name) or not fits or len(body) > MOST_CODES:
            raise Invalid(f"{name!r} of an entry is no code; give small names, and codes, ids or numbers.", "body")
    async with db.transaction():
        if await _locked(viewer, case_id) is None:
            raise no_case(case_id) if viewer.user_id else NotFound("There is no such case any more.")
        actor = viewer.actor if viewer.user_id else f"plugin/{slug}"
        await append(actor=actor, entries=[NewEntry(f"case/{case_id}", kind, dict(body))])
        if (loaded := running.loaded.get(slug)) is not None and loaded.deadlines:
            await db.execute("UPDATE core_case SET clocked = FALSE WHERE id = $1 AND status <> 'closed'", case_id)


async def _locked(viewer: Viewer, case_id: UUID) -> UUID | None:
    arguments = Arguments()
    place = arguments.add(case_id)
    rows = decide(viewer, "case.read", "case").where("c", arguments) if viewer.user_id else "TRUE"
    found = await db.fetchval(
        f"SELECT c.id FROM core_case c WHERE c.id = {place} AND {rows} FOR UPDATE OF c", *arguments.values
    )
    return UUID(str(found)) if found is not None else None
