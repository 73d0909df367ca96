"""The ledger: whether it holds, its checkpoints, the record of a case to take along, and looking for entries."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.response import Stream

from ombud.desk import units
from ombud.desk.errors import Invalid, NotFound
from ombud.desk.trail import ledger_desk
from ombud.desk.trail.ledger_desk import Verified
from ombud.desk.trail.ledger_search import WINDOW, EntryFound, Sought, search
from ombud.kernel.database import db
from ombud.kernel.job_list import Piece
from ombud.process import settings
from ombud.trust import checkpoints, signing, timestamps, verifier
from ombud.trust.canonical import canonical
from ombud.trust.checkpoints import PublishedDiffers
from ombud.web.door import viewer_of
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import given
from ombud.web.shell import go

Req = Request[Any, Any, Any]
READ = {"permission": "ledger.read"}
HERE = "/administration/ledger"
SHOWN = 10
UNTYPED = {"verify_reference": "", "export_reference": "", "since": "", "until": ""}


@get(HERE, opt=READ)
async def ledger(request: Req) -> Response[Any]:
    return await _page(request)


@post(f"{HERE}/verify", opt=READ)
async def verify(request: Req) -> Response[Any]:
    """Begins a verification of the whole ledger in the background."""
    sealed = (await given(request)).ticked("sealed")
    await ledger_desk.verify_later(viewer_of(request), sealed=sealed)
    return go(HERE, "The ledger is being verified. You may leave this page.")


@post(f"{HERE}/checkpoint", opt=READ)
async def checkpoint(request: Req) -> Response[Any]:
    await ledger_desk.checkpoint_later(viewer_of(request))
    return go(HERE, "A checkpoint is being made and published.")


@post(f"{HERE}/verify-case", opt=READ)
async def verify_case(request: Req) -> Response[Any]:
    """Verifies the record of one case; the result is kept and stands first in the list."""
    reference = (await given(request)).text("reference")
    try:
        report = await ledger_desk.verify_case(viewer_of(request), reference)
    except (Invalid, NotFound) as problem:
        return await _page(request, status=422, wrong={"verify_reference": str(problem)}, typed=reference)
    return go(HERE, "The record of the case holds." if not report.broken else "The record of the case does not hold.")


@post(f"{HERE}/export", opt=READ)
async def export(request: Req) -> Response[Any] | Stream:
    """The signed record of a case, to be checked elsewhere by verifier.py."""
    reference = (await given(request)).text("reference")
    try:
        name, lines = await ledger_desk.record_of(viewer_of(request), reference)
    except (Invalid, NotFound, PublishedDiffers, OSError) as problem:
        said = str(problem) if not isinstance(problem, OSError) else "The published checkpoints cannot be written."
        return await _page(request, status=422, wrong={"export_reference": said}, typed=reference)
    return Stream(
        lines,
        media_type="application/x-ndjson",
        headers={"content-disposition": f'attachment; filename="record-{name}.jsonl"'},
        status_code=200,
    )


@post(f"{HERE}/export-period", opt=READ)
async def export_period(request: Req) -> Response[Any] | Stream:
    """The signed record of some days."""
    form = await given(request)
    typed = {"since": form.text("since"), "until": form.text("until")}
    try:
        first, last = _day(typed, "since"), _day(typed, "until")
        if first is None or last is None:
            raise Invalid("Name the first and the last day.", "until" if first else "since")
        lines = await ledger_desk.record_of_period(viewer_of(request), first, last, words=form.ticked("words"))
    except (Invalid, PublishedDiffers, OSError) as problem:
        said = "The published checkpoints cannot be written." if isinstance(problem, OSError) else str(problem)
        at = problem.field if isinstance(problem, Invalid) and problem.field == "until" else "since"
        return await _page(request, status=422, wrong={at: said}, days=typed)
    return Stream(
        lines,
        media_type="application/x-ndjson",
        headers={"content-disposition": f'attachment; filename="record-{first}-{last}.jsonl"'},
        status_code=200,
    )


@get(f"{HERE}/verify_ombud.py", opt=READ)
async def verifier_file(request: Req) -> Response[bytes]:
    """The program that checks these records elsewhere: one file, nothing but Python."""
    return Response(
        Path(verifier.__file__).read_bytes(),
        media_type="text/x-python",
        headers={"content-disposition": 'attachment; filename="verify_ombud.py"'},
    )


async def _page(
    request: Req,
    *,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    typed: str = "",
    days: dict[str, str] | None = None,
) -> Response[Any]:
    viewer, path = viewer_of(request), settings().ledger.publish_file
    try:
        last = checkpoints.last_published(path)
        published, trouble = int(last["n"]) if last else 0, ""
    except (PublishedDiffers, OSError) as problem:
        published, trouble = 0, str(problem)
    newest = await db.fetch(f"SELECT n, at, size, root FROM core_checkpoint ORDER BY n DESC LIMIT {SHOWN}")
    running = await ledger_desk.verifying()
    stamp, stamp_trouble = _newest_stamp(path)
    public_key = await signing.public_key()
    return await administration_page(
        request, "pages/ledger.html", "ledger", status=status, wrong={**UNTYPED, **(wrong or {})}, typed=typed,
        days=days or {"since": "", "until": ""},
        may_whole=await ledger_desk.everywhere(viewer), running=_running(running) if running else None,
        results=[_result(each) for each in await ledger_desk.results(viewer)],
        checkpoints=[{"n": row["n"], "at": row["at"], "size": row["size"], "root": row["root"].hex(),
                      "published": row["n"] <= published} for row in newest],
        publish_file=str(path), trouble=trouble or stamp_trouble, stamp=stamp,
        stamp_url=settings().ledger.timestamp_url,
        public_key=public_key, key_id=public_key[:16],
        minutes=settings().ledger.checkpoint_minutes,
    )  # fmt: skip


def _newest_stamp(publish_file: Path) -> tuple[dict[str, Any] | None, str]:
    """Of the stamps that were kept, as the file says it; the verification proves them."""
    try:
        kept = timestamps.stamps(timestamps.path_beside(publish_file))
    except (timestamps.StampFailed, OSError) as problem:
        return None, str(problem)
    newest = kept[-1] if kept else None
    return newest and {"n": newest["n"], "at": datetime.fromisoformat(newest["at"])}, ""


def _running(piece: Piece) -> dict[str, Any]:
    said = piece.progress or {}
    return {"state": piece.state, "done": int(said.get("done", 0)), "total": int(said.get("total", 0)),
            "since": piece.started_at or piece.created_at}  # fmt: skip


def _result(each: Verified) -> dict[str, Any]:
    body = each.body
    return {
        "at": each.at, "who": each.who, "whole": each.whole, "reference": each.reference, "holds": body["holds"],
        "entries": body["entries"], "streams": body["streams"], "checkpoints": body["checkpoints"],
        "published": body["published"], "newer": body["newer"], "sealed": body["sealed"], "opened": body["opened"],
        "erased": body["erased"], "where": body["where"], "broken": body["broken"], "advice": _advice(body["broken"]),
    }  # fmt: skip


def _advice(broken: str) -> str:
    """What a finding means, for somebody who never read the format."""
    if not broken:
        return ""
    if "the case is not what its entries tell" in broken:
        return "A record was changed in the database without Ombud. The ledger says what it was before."
    if "published" in broken:
        return "The database holds another past than the one that was published: it was restored, cut or rebuilt."
    if "sealed value" in broken:
        return "A value behind an entry was damaged or replaced. Its commitment still proves what it was not."
    return "An entry was changed, removed or put in after it was written. Keep the database as it is and ask for help."


@get(f"{HERE}/entries", opt=READ)
async def entries(request: Req, case: str = "", stream: str = "", kind: str = "", actor: str = "", since: str = "",
                  until: str = "", before: int | None = None) -> Response[Any]:  # fmt: skip
    """Entries by stream, kind, actor and day; a page that found too little says how far it looked."""
    viewer, size = viewer_of(request), settings().limits.page_size
    asked = {"case": case, "stream": stream, "kind": kind, "actor": actor, "since": since, "until": until}
    asked = {name: value.strip().replace("\0", "")[:200] for name, value in asked.items() if value.strip()}
    errors: dict[str, str] = {}
    unit = await units.first()
    found, next_href = None, ""
    try:
        place = await ledger_desk.stream_of(viewer, asked["case"]) if "case" in asked else asked.get("stream", "")
        sought = Sought(
            place, asked.get("kind", ""), asked.get("actor", ""), _day(asked, "since"), _day(asked, "until")
        )
        found = await search(viewer, sought, before, size, unit.time_zone)
    except Invalid as problem:
        errors[problem.field if problem.field in {"since", "until"} else "case"] = str(problem)
    except NotFound as problem:
        errors["case"] = str(problem)
    if found is not None and found.further is not None:
        next_href = f"{HERE}/entries?{urlencode({**asked, 'before': found.further})}"
    return await administration_page(
        request, "pages/ledger_entries.html", "ledger", status=422 if errors else 200, asked=asked, errors=errors,
        entries=[_entry(each) for each in found.entries] if found else [], next_href=next_href,
        cut_short=bool(found and found.cut_short), window=WINDOW,
    )  # fmt: skip


def _day(asked: dict[str, str], name: str) -> date | None:
    try:
        day = date.fromisoformat(asked[name].strip()) if asked.get(name) else None
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", name) from None
    if day is not None and not 1970 <= day.year <= 2998:
        raise Invalid("This day lies outside what the ledger can hold.", name)
    return day


def _entry(each: EntryFound) -> dict[str, Any]:
    one = each.happened
    return {
        "number": each.number, "stream": each.stream, "seq": one.id, "at": one.at, "text": one.phrase.text,
        "values": one.phrase.values, "icon": one.icon,
        "who": one.actor_name, "actor": one.actor, "kind": one.code, "hash": each.hash, "sealed": each.sealed,
        "codes": canonical(dict(one.body)).decode(), "cause": one.cause,
    }  # fmt: skip


handlers = [ledger, verify, checkpoint, verify_case, export, export_period, verifier_file, entries]
