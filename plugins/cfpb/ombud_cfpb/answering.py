"""Responses: drafted beside a case, put into a file for the portal, given in. The bureau's portal is where they are
given; the desk keeps what was said and when."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from ombud_cfpb import kept
from ombud_cfpb.codes import FIRST, Lists, lists
from ombud_cfpb.deadlines import RESPONDED
from ombud_cfpb.kept import Bureau
from ombud_plugin_api import CaseView, Platform, Refused

MOST = 500
LONGEST = 10_000
HEADER = (
    "Complaint ID", "Company response to consumer", "Company public response", "Timely response?", "Explanation",
    "Status",
)  # fmt: skip
OFFICIAL, DRAFT = "official", "draft: contains unverified codes"
DECIDED = ("resolved", "closed")


def proposed(case: CaseView, known: Lists) -> str:
    """The category that the outcomes of the case speak for, where they speak for one: relief has two kinds, between
    which a person chooses."""
    outcomes = {each.outcome for each in case.aspects}
    none_upheld = case.status in DECIDED and not outcomes & {"upheld", "partly_upheld", ""}
    return "closed_with_explanation" if none_upheld and "closed_with_explanation" in known.responses else ""


def problem_of(case: CaseView, bureau: Bureau, known: Lists, typed: Mapping[str, str]) -> tuple[str, str] | None:
    """Why this cannot be the response: a code of the texts' problems, with the field."""
    response = known.responses.get(typed["response"])
    if bureau.state not in ("new", "draft"):
        return "handed", "response"
    if response is None or not response.chosen:
        return "choose", "response"
    if response.kind == FIRST and bureau.first_code:
        return "twice", "response"
    if response.ends and case.status not in DECIDED:
        return "undecided", "response"
    if typed["public_response"] and typed["public_response"] not in known.public:
        return "choose", "public_response"
    return None if typed["explanation"] else ("explanation", "explanation")


async def draft(bureau: Bureau, typed: Mapping[str, str], by: str) -> bool:
    """False where it was put into a file meanwhile."""
    return bool(await kept.change(
        [bureau.id], ("new", "draft"), state="draft", response=typed["response"],
        public_response=typed["public_response"], explanation=typed["explanation"][:LONGEST], drafted_by=by[:200],
    ))  # fmt: skip


async def seen(rows: Sequence[Bureau], platform: Platform) -> list[tuple[Bureau, CaseView]]:
    """Those whose case the viewer may see, with it; never one of whose matters is about them."""
    found = []
    for each in rows:
        try:
            case = await platform.case(each.reference)
        except Refused:
            continue
        if not case.partly_hidden:
            found.append((each, case))
    return found


async def batch(platform: Platform) -> UUID | None:
    """Puts the drafts that the viewer may see into one file; None where there are none. What ends a complaint whose
    case was opened again meanwhile stays a draft."""
    ready = []
    for bureau, case in await seen(await kept.drafts(MOST), platform):
        response = lists(await platform.settings(bureau.unit)).responses.get(bureau.response)
        if response is not None and (not response.ends or case.status in DECIDED):
            ready.append(bureau.id)
    if not ready:
        return None
    identity = uuid4()
    return identity if await kept.change(ready, ("draft",), state="batched", batch=identity) else None


async def give_in(batch_id: UUID, day: date, platform: Platform) -> int:
    """The file was given in at the portal on this day: each case says so, and its clock follows."""
    count = 0
    for bureau, case in await seen(await kept.of_batch(batch_id), platform):
        response = lists(await platform.settings(bureau.unit)).responses.get(bureau.response)
        if bureau.state != "batched" or response is None:
            continue
        body: dict[str, str | int | bool] = {
            "response": response.code, "on": day.isoformat(), "public_response": bureau.public_response,
            "in_progress": response.kind == FIRST or bureau.first_on is not None,
        }  # fmt: skip
        await platform.record(case.id, RESPONDED, body)
        if response.ends:
            count += await kept.change([bureau.id], ("batched",), state="handed", handed_on=day)
        else:
            count += await kept.change(
                [bureau.id], ("batched",), state="new", first_code=response.code, first_on=day, response="",
                explanation="", batch=None,
            )  # fmt: skip
    return count


async def take_back(batch_id: UUID, platform: Platform) -> int:
    """The file was not given in: its responses are drafts again."""
    rows = [bureau.id for bureau, _ in await seen(await kept.of_batch(batch_id), platform)]
    return await kept.change(rows, ("batched",), state="draft", batch=None)


def in_time(bureau: Bureau, on: date, settings: Mapping[str, Any]) -> bool:
    """Within the days of a first response, or of the final one after that."""
    name, usual = ("days_final", 60) if bureau.first_on else ("days_first", 15)
    return on <= bureau.sent_on + timedelta(days=int(settings.get(name) or usual))


def line_of(bureau: Bureau, settings: Mapping[str, Any], today: date) -> list[str]:
    """Cells in the order of HEADER."""
    known = lists(settings)
    response, public = known.responses.get(bureau.response), known.public.get(bureau.public_response)
    sure = (
        bool(settings.get("columns_confirmed")) and response is not None and response.verified
        and (public is None or public.verified)
    )  # fmt: skip
    return [
        bureau.complaint_id, response.text if response else bureau.response, public.text if public else "",
        "Yes" if in_time(bureau, bureau.handed_on or today, settings) else "No", bureau.explanation,
        OFFICIAL if sure else DRAFT,
    ]  # fmt: skip


async def file_of(batch_id: UUID, platform: Platform) -> tuple[str, str]:
    """Name and text of the CSV file; the name says that it is a draft while any of it is."""
    today = datetime.now(UTC).date()
    lines = [line_of(each, await platform.settings(each.unit), today)
             for each, _ in await seen(await kept.of_batch(batch_id), platform)]  # fmt: skip
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    status = "" if lines and all(line[-1] == OFFICIAL for line in lines) else "draft-"
    return f"{status}cfpb-responses-{str(batch_id)[:8]}.csv", out.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
