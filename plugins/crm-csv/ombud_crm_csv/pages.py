"""The pages: which file counts, a new one, what its columns mean, what was refused of it."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException

from ombud_crm_csv import columns as meaning
from ombud_crm_csv import files, reading, taking
from ombud_crm_csv.files import CustomerFile
from ombud_crm_csv.reading import Table, UnreadableError
from ombud_plugin_api import Context, Pages

MAY = "crm-csv.change"
OPT = {"permission": MAY}
HERE = "files"
SHOWN = 5  # rows of the preview
Req = Request[Any, Any, Any]


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/files", opt=OPT)
async def index(pages: Pages) -> Any:
    return await _index(pages)


async def _index(pages: Pages, problem: str = "", unit: str = "") -> Any:
    status = 422 if problem else 200
    known = await files.newest_first()
    return await pages.show("crm-csv/index.html", here=HERE, status=status, files=known, problem=problem, unit=unit)


@post("/files", opt=OPT, status_code=303)
async def upload(request: Req, pages: Pages, context: Context) -> Any:
    """Keeps the file once it is known that it can be read; nothing of it counts before its columns were looked at."""
    form = await request.form()
    file, unit = form.get("file"), str(form.get("unit") or "").strip()[:80]
    if not isinstance(file, UploadFile) or not file.filename:
        return await _index(pages, "No file came along. Choose a CSV file or an Excel workbook.", unit)
    data = await file.read()
    try:
        table = await asyncio.to_thread(reading.read, data)
    except UnreadableError as problem:
        return await _index(pages, str(problem), unit)
    known = await files.known_columns(unit)
    chosen = known if meaning.same(known, table.header) else meaning.proposal(table.header)
    identity = await files.add(
        unit=unit, name=_printable(file.filename), columns=meaning.read(chosen, table.header), notes=list(table.notes),
        kept_file=await context.platform.keep_file(data), uploaded_by=context.viewer_name,
    )  # fmt: skip
    return pages.go(f"{HERE}/{identity}")


def _printable(name: str) -> str:
    return "".join(sign for sign in name.rpartition("/")[2].rpartition("\\")[2] if sign.isprintable())[:200] or "file"


async def _file(file_id: UUID) -> CustomerFile:
    file = await files.get(file_id)
    if file is None:
        raise NotFoundException("There is no such customer file. A newer one may have taken its place.")
    return file


@get("/files/{file_id:uuid}", opt=OPT)
async def show(file_id: UUID, pages: Pages, context: Context) -> Any:
    file = await _file(file_id)
    if file.state == "waiting" and file.kept_file is not None:
        return await _columns_page(pages, context, file, file.columns)
    return await pages.show("crm-csv/file.html", here=HERE, file=file)


async def _columns_page(
    pages: Pages, context: Context, file: CustomerFile, columns: Mapping[str, str], refused: bool = False
) -> Any:
    assert file.kept_file is not None
    table = await asyncio.to_thread(reading.read, await context.platform.kept_file(file.kept_file))
    problems = meaning.problems(columns)
    taken, wrong = await asyncio.to_thread(_counted, table, columns, context.settings["country"])
    return await pages.show(
        "crm-csv/columns.html", here=HERE, status=422 if refused else 200, file=file, header=table.header,
        chosen=columns,
        meanings=[(code, words) for code, words in meaning.MEANINGS.items() if code], nothing=meaning.MEANINGS[""],
        examples={name: _example(table, name) for name in table.header}, problems=() if refused else problems,
        errors=[{"field": "", "message": each} for each in problems if refused],
        taken=taken, wrong=wrong[: taking.MOST_REFUSED_TOLD], wrong_count=len(wrong),
        shown=[_preview(row.cells, columns) for row in table.rows if not row.problem][:SHOWN],
    )  # fmt: skip


def _counted(table: Table, columns: Mapping[str, str], country: str) -> tuple[int, list[tuple[int, str]]]:
    wrong = [(row.line, problem) for row, _, problem in taking.sorted_out(table, columns, country) if problem]
    return len(table.rows) - len(wrong), wrong


def _example(table: Table, column: str) -> str:
    return next((row.cells[column][:80] for row in table.rows if row.cells.get(column)), "")


def _preview(cells: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, list[str]]:
    """What a row would show, by meaning."""
    shown: dict[str, list[str]] = {}
    for column, means in columns.items():
        if means and cells.get(column):
            shown.setdefault(meaning.MEANINGS[means], []).append(cells[column][:80])
    return shown


@post("/files/{file_id:uuid}/columns", opt=OPT, status_code=303)
async def set_columns(request: Req, file_id: UUID, pages: Pages, context: Context) -> Any:
    """Keeps what the form says; `take` also takes the rows, and puts the file in the place of the one before."""
    file = await _file(file_id)
    if file.state != "waiting":
        return pages.go(f"{HERE}/{file.id}")
    form = await request.form()
    header = list(file.columns)
    wanted = meaning.read({name: str(form.get(f"column.{place}") or "") for place, name in enumerate(header)}, header)
    take = form.get("step") == "take"
    if take and meaning.problems(wanted):
        return await _columns_page(pages, context, file, wanted, refused=True)
    await files.change(file.id, columns=wanted, **({"state": "taking"} if take else {}))
    if not take:
        return pages.go(f"{HERE}/{file.id}")
    await context.platform.start_job(taking.JOB, {"file": str(file.id)}, key=f"take/{file.id}")
    return pages.go(f"{HERE}/{file.id}", "Its rows are being taken. The file before counts until then.")


@post("/files/{file_id:uuid}/remove", opt=OPT, status_code=303)
async def remove(file_id: UUID, pages: Pages, context: Context) -> Any:
    file = await _file(file_id)
    await files.remove(file, context.platform)
    told = "The customer file is gone, with all its rows." if file.state == "live" else "The file is discarded."
    return pages.go(HERE, told)


HANDLERS = [home, index, upload, show, set_columns, remove]
