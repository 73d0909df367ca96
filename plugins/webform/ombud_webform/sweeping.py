"""What nobody came back for goes: drafts after the days that were chosen, answers for a second "Send" after one, files
without a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ombud_plugin_api import Context, Platform
from ombud_webform.draft import drop_files
from ombud_webform.settings import offer_of
from ombud_webform.tables import WebformDraft, WebformFile, WebformSent

KEEP_ANSWERS = timedelta(days=1)
SHORTEST = timedelta(days=1)  # that drafts can be kept
FILE_GRACE = timedelta(hours=1)  # a file is stored a moment before or after its draft
BATCH = 200


@dataclass(frozen=True)
class Standing:
    """What the form holds: `cut_short`: drafts sent at a moment; the times of the oldest draft and answer."""

    cut_short: Sequence[str]
    draft: datetime | None
    answer: datetime | None


async def look(sent_at: datetime | None = None) -> Standing:
    """One statement, which is asked for every case that the form opens."""
    [row] = await WebformDraft.raw(
        "SELECT ARRAY(SELECT id FROM webform_draft WHERE sent_at = {}) AS cut_short, "
        "(SELECT min(updated_at) FROM webform_draft) AS draft, (SELECT min(sent_at) FROM webform_sent) AS answer",
        sent_at,
    )
    return Standing(**row)


async def sweep_when_due(platform: Platform, held: Standing) -> None:
    """Starts the job when there is something to sweep; asked at each new draft and each case that the form opened."""
    moment = datetime.now(UTC)
    due = held.answer is not None and held.answer < moment - KEEP_ANSWERS
    if not due and held.draft is not None and held.draft < moment - SHORTEST:
        due = held.draft < moment - offer_of(await platform.settings()).keep_for
    if due:
        await platform.start_job("sweep", {}, key="sweep")


async def sweep(payload: Mapping[str, Any], context: Context) -> None:
    """The job. Safe to run twice and to stop anywhere."""
    moment, keep_for = datetime.now(UTC), offer_of(context.settings).keep_for
    await WebformSent.delete().where(WebformSent.sent_at < moment - KEEP_ANSWERS)
    await WebformDraft.delete().where(WebformDraft.updated_at < moment - keep_for)
    done = 0
    while orphans := await _files_without_draft(moment - FILE_GRACE):
        await drop_files(context.platform, orphans)
        done += len(orphans)
        await context.progress(done, None, "files dropped")


async def _files_without_draft(before: datetime) -> list[Any]:
    rows = await WebformFile.raw(
        "SELECT id FROM webform_file f WHERE added_at < {} "
        "AND NOT EXISTS (SELECT 1 FROM webform_draft d WHERE d.id = f.draft) LIMIT {}",
        before, BATCH,
    )  # fmt: skip
    return [row["id"] for row in rows]
