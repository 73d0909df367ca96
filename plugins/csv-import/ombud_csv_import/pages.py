"""The pages: choose a file, say what its columns mean, watch it come in, read the report."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException
from litestar.response import Stream

from ombud_csv_import import beginning, forms, layouts, runs, saved, standing
from ombud_csv_import.faults import UnreadableFileError
from ombud_csv_import.job import NAME as JOB
from ombud_csv_import.mapping import Mapping, MappingError
from ombud_csv_import.reading import Table, open_table
from ombud_csv_import.reconcile import COLUMNS, cells, csv_line
from ombud_csv_import.rehearsal import Preview, preview
from ombud_csv_import.runs import Run
from ombud_plugin_api import Context, Pages, Platform

MAY = "csv-import.run"
OPT = {"permission": MAY}
HERE = "runs"
LISTED = 100
KEEP_UPLOAD_DAYS, KEEP_FILE_DAYS = 7, 30

Req = Request[Any, Any, Any]


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/runs", opt=OPT)
async def index(pages: Pages, platform: Platform) -> Any:
    return await _index(pages, platform)


async def _index(pages: Pages, platform: Platform, problem: str = "") -> Any:
    shown = [(run, await standing.of(run, platform)) for run in await runs.newest()]
    return await pages.show(
        "csv-import/index.html", here=HERE, status=422 if problem else 200, runs=shown, problem=problem
    )


@post("/runs", opt=OPT, status_code=303)
async def upload(request: Req, pages: Pages, context: Context) -> Any:
    """Keeps the file in the vault once it is known that it can be read to its end."""
    await _sweep(context.platform)
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _index(pages, context.platform, "No file came along. Choose a CSV file, then upload it.")
    data = await file.read()
    try:
        looked = await beginning.look(data)
    except UnreadableFileError as refusal:
        return await _index(pages, context.platform, str(refusal))
    name = beginning.printable(file.filename)
    identity = await runs.add(
        file_name=name,
        source=beginning.usual_source(looked.layout, name),
        mapping=layouts.proposal(looked.table.header).document(),
        started_by=context.viewer_name,
        file_id=await context.platform.keep_file(data),
        **beginning.facts(looked),
    )
    return pages.go(f"runs/{identity}/mapping")


async def _sweep(platform: Platform) -> None:
    """Files of imports that nobody started or finished are not kept for ever."""
    for run in await runs.stale(KEEP_UPLOAD_DAYS, KEEP_FILE_DAYS):
        if run.file_id is not None:
            await runs.change(run.id, file_id=None)
            await platform.drop_file(run.file_id)
        await runs.remove(run.id)


async def _run(run_id: UUID) -> Run:
    run = await runs.get(run_id)
    if run is None:
        raise NotFoundException("There is no such import. It may have been discarded.")
    return run


async def _opened(run: Run, platform: Platform) -> Table:
    assert run.file_id is not None
    return await asyncio.to_thread(open_table, await platform.kept_file(run.file_id))


@get("/runs/{run_id:uuid}/mapping", opt=OPT)
async def mapping_form(run_id: UUID, pages: Pages, platform: Platform) -> Any:
    run = await _run(run_id)
    if run.state != "uploaded":
        return pages.go(f"runs/{run.id}")
    table = await _opened(run, platform)
    return await _mapping_page(pages, run, table, forms.stored(run.mapping), run.source, run.unit)


async def _mapping_page(
    pages: Pages, run: Run, table: Table, mapping: Mapping, source: str, unit: str, said: tuple[str, ...] = ()
) -> Any:
    """Problems of a mapping that nobody touched yet are hints, not errors: `said` is what the form was refused for."""
    problems, seen = mapping.problems(table.header), None
    if not problems:
        seen = await preview(table, mapping, source)
    layout = layouts.recognise(table.header)
    return await pages.show(
        "csv-import/mapping.html",
        here=HERE,
        status=422 if said else 200,
        run=run,
        table=table,
        layout=layout,
        source=source,
        unit=unit,
        problems=said or problems,
        refused=bool(said),
        errors=[{"field": "", "message": each} for each in said],
        saved=await saved.names(),
        preview=seen,
        complete=isinstance(seen, Preview) and seen.scanned == run.rows_total,
        **forms.offered(mapping, table.header),
    )


@post("/runs/{run_id:uuid}/mapping", opt=OPT, status_code=303)
async def save_mapping(request: Req, run_id: UUID, pages: Pages, context: Context) -> Any:
    """Each button keeps what the form says; `start` also begins the import."""
    run = await _run(run_id)
    if run.state != "uploaded":
        return pages.go(f"runs/{run.id}")
    table = await _opened(run, context.platform)
    asked = forms.read(await request.form(), table.header, forms.stored(run.mapping))
    mapping, problems = await _wanted(asked, table)
    if not beginning.SOURCE.fullmatch(asked.source):
        problems = (*problems, beginning.SOURCE_HINT)
    if problems:
        return await _mapping_page(pages, run, table, mapping, asked.source, asked.unit, problems)
    if asked.keep_as:
        await saved.keep(asked.keep_as, mapping, context.viewer_name)
    await runs.change(run.id, ("uploaded",), mapping=mapping.document(), source=asked.source, unit=asked.unit)
    if asked.step != "start":
        return pages.go(f"runs/{run.id}/mapping", "The mapping is kept." if asked.keep_as else "")
    run = await _started(await _run(run_id), context.platform)
    return pages.go(f"runs/{run.id}")


async def _wanted(asked: forms.Asked, table: Table) -> tuple[Mapping, tuple[str, ...]]:
    """The form's mapping, or the one it asks for by name; with what keeps it from being used."""
    mapping = asked.mapping
    try:
        if asked.step == "use":
            kind, _, name = asked.use.partition(":")
            mapping = await saved.named(name) if kind == "saved" else layouts.named(name).mapping
        return mapping.bound(table.header), ()
    except MappingError as refusal:
        return mapping, refusal.problems
    except KeyError:
        return asked.mapping, ("Choose a layout or a saved mapping, then use it.",)


async def _started(run: Run, platform: Platform) -> Run:
    """Goes on where an import of the same file was broken off, if nothing about it has changed."""
    known = await runs.unfinished(run.fingerprint, run.source)
    if known is not None and known.id != run.id:
        if known.mapping == run.mapping and known.unit == run.unit:
            await _hand_over(run, known, platform)
            run = known
        else:
            await runs.change(known.id, runs.OPEN_STATES, state="stopped")
    await _queue(run, platform)
    return run


async def _hand_over(run: Run, known: Run, platform: Platform) -> None:
    spare = run.file_id if known.file_id is not None else None
    if known.file_id is None:
        await runs.change(known.id, file_id=run.file_id)
    await runs.change(run.id, file_id=None)
    if spare is not None:
        await platform.drop_file(spare)
    await runs.remove(run.id)


async def _queue(run: Run, platform: Platform) -> None:
    await runs.change(run.id, ("uploaded", *runs.OPEN_STATES), state="waiting", error="")
    job = await platform.start_job(JOB, {"run": str(run.id)}, key=f"run/{run.id}")
    await runs.change(run.id, job_id=job)


@post("/runs/{run_id:uuid}/discard", opt=OPT, status_code=303)
async def discard(run_id: UUID, pages: Pages, platform: Platform) -> Any:
    run = await _run(run_id)
    if run.state == "uploaded" and run.file_id is not None:
        await runs.remove(run.id)
        await platform.drop_file(run.file_id)
    return pages.go(HERE, "The file is discarded. Nothing was imported.")


@get("/runs/{run_id:uuid}", opt=OPT)
async def show_run(run_id: UUID, pages: Pages, platform: Platform, after: int = 0) -> Any:
    run = await _run(run_id)
    if run.state == "uploaded":
        return pages.go(f"runs/{run.id}/mapping")
    items = await runs.without_case(run.id, min(max(after, 0), 2**31 - 1), LISTED + 1)
    return await pages.show(
        "csv-import/run.html",
        here=HERE,
        run=run,
        standing=await standing.of(run, platform),
        layout=next((each.title for each in layouts.LAYOUTS if each.name == run.layout), ""),
        items=[dict(zip(COLUMNS, cells(item), strict=True)) for item in items[:LISTED]],
        next_after=items[LISTED - 1].line if len(items) > LISTED else 0,
        shown_after=after,
    )


@get("/runs/{run_id:uuid}/progress", opt=OPT)
async def progress(run_id: UUID, pages: Pages, platform: Platform) -> Any:
    """The moving part of the page; when nothing moves any more, htmx is sent to the whole page."""
    run = await _run(run_id)
    now = await standing.of(run, platform)
    answer = await pages.show("csv-import/progress.html", run=run, standing=now)
    if not now.moving:
        answer.headers["hx-redirect"] = f"/p/csv-import/runs/{run.id}"
    return answer


@post("/runs/{run_id:uuid}/stop", opt=OPT, status_code=303)
async def stop(run_id: UUID, pages: Pages) -> Any:
    run = await _run(run_id)
    stopped = await runs.change(run.id, ("waiting", "running", "failed"), state="stopped")
    return pages.go(f"runs/{run.id}", "The import stops. What is filed stays filed." if stopped else "")


@post("/runs/{run_id:uuid}/resume", opt=OPT, status_code=303)
async def resume(run_id: UUID, pages: Pages, platform: Platform) -> Any:
    run = await _run(run_id)
    if run.file_id is None:
        return pages.go(f"runs/{run.id}", "The file is not kept here. Upload it again, or run the command again.")
    if run.state in runs.OPEN_STATES:
        await _queue(run, platform)
    return pages.go(f"runs/{run.id}")


@get("/runs/{run_id:uuid}/report.csv", opt=OPT)
async def report(run_id: UUID) -> Stream:
    run = await _run(run_id)
    return Stream(_lines(run), media_type="text/csv; charset=utf-8", headers=_as_file(f"import-{run.id}.csv"))


async def _lines(run: Run) -> AsyncIterator[str]:
    yield csv_line(COLUMNS)
    async for item in runs.all_without_case(run.id):
        yield csv_line(cells(item))


@get("/runs/{run_id:uuid}/mapping.json", opt=OPT)
async def mapping_file(run_id: UUID) -> Response[bytes]:
    """What `ombud import csv --mapping` reads."""
    run = await _run(run_id)
    text = json.dumps(run.mapping, ensure_ascii=False, indent=2)
    return Response(text.encode(), media_type="application/json", headers=_as_file(f"mapping-{run.id}.json"))


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


HANDLERS = [
    home,
    index,
    upload,
    mapping_form,
    save_mapping,
    discard,
    show_run,
    progress,
    stop,
    resume,
    report,
    mapping_file,
]
