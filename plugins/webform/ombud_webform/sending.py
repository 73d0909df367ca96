"""A draft becomes a case, once, whatever breaks on the way."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from ombud_plugin_api import Event, Filed, Platform
from ombud_webform import draft as drafts
from ombud_webform.complaint import complaint, receipt
from ombud_webform.draft import Draft
from ombud_webform.sweeping import look, sweep_when_due
from ombud_webform.tables import WebformDraft, WebformSent


def token_of(filed: Filed) -> str:
    """The token at the end of the tracking address."""
    return urlsplit(filed.track_url).path.rsplit("/", 1)[-1]


async def send(platform: Platform, draft: Draft) -> str:
    """Files a frozen draft, forgets it and returns the token that follows the case. The draft's id is the key, so a
    second call files nothing and returns the same. Raises `Refused`."""
    given = await drafts.submission(platform, draft)
    filed = await platform.file(receipt(draft.id, given), complaint(given))
    await _forget(platform, draft, filed)
    return token_of(filed)


async def _forget(platform: Platform, draft: Draft, filed: Filed) -> None:
    async with platform.transaction():
        sent = WebformSent(id=draft.id, case_id=filed.case_id, token=token_of(filed), sent_at=datetime.now(UTC))
        await WebformSent.insert(sent).on_conflict(target=WebformSent.id, action="DO NOTHING")
        await WebformDraft.delete().where(WebformDraft.id == draft.id)
    await drafts.drop_files(platform, [each.id for each in draft.files])


async def sent_before(identity: str) -> str:
    """The token of the case this draft became today, or nothing."""
    rows = await WebformSent.select(WebformSent.token).where(WebformSent.id == identity)
    return str(rows[0]["token"]) if rows else ""


async def finish_interrupted(event: Event, platform: Platform) -> None:
    """The form opened a case: where the process died before it could forget the draft, this does. The draft is known
    by the moment of sending, which is the case's `received_at`; the ledger holds nothing of the draft itself."""
    moment = datetime.fromisoformat(str(event.body["received_at"]).replace("Z", "+00:00"))
    held = await look(moment)
    for identity in held.cut_short:
        draft = await drafts.load(identity)
        if draft is not None:
            await send(platform, draft)
    await sweep_when_due(platform, held)
