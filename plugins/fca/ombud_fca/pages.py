"""The page of the market: your share upheld beside it, and a workbook loaded."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import UploadFile

from ombud_fca import annex1b, benchmarks, market
from ombud_fca.codes import lists
from ombud_fca.wording import TEXTS
from ombud_plugin_api import Context, Pages, Permanent, Platform, ReturnKept

SEE, LOAD = "fca.market", "fca.load_market"
HERE = "market"
Req = Request[Any, Any, Any]


@get("/", opt={"permission": SEE})
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/market", opt={"permission": SEE})
async def shown(pages: Pages, platform: Platform, context: Context, period: str = "", kept: str = "") -> Any:
    return await _page(pages, platform, context, period, kept)


@post("/market", opt={"permission": LOAD}, status_code=303)
async def loaded(request: Req, pages: Pages, platform: Platform, context: Context) -> Any:
    """Reads the workbook and keeps its sums."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _page(pages, platform, context, wrong="no_file")
    name = "".join(sign for sign in file.filename.rpartition("/")[2] if sign.isprintable())
    try:
        found = await asyncio.to_thread(market.read, await file.read())
        first, last = await benchmarks.load(platform, found, name, context.viewer_name, datetime.now(UTC))
    except Permanent as problem:
        return await _page(pages, platform, context, wrong=str(problem))
    return pages.go(f"{HERE}?period={_code(first, last)}", TEXTS["en"]["loaded"].format(first=first, last=last))


async def _page(
    pages: Pages, platform: Platform, context: Context, period: str = "", kept: str = "", wrong: str = ""
) -> Any:
    known = await benchmarks.periods()
    chosen = next((each for each in known if _code(*each) == period), known[0] if known else None)
    returns = await platform.kept_returns(annex1b.RETURN.key)
    yours = next((each for each in returns if str(each.id) == kept), returns[0] if returns and not kept else None)
    rows = await benchmarks.of(*chosen) if chosen else []
    names = {each.code: each.label for each in lists(context.settings).groups()}
    lines = [
        {"group": names.get(each.group, each.group), "closed": each.closed, "yours": each.yours, "market": each.market,
         "firms": each.firms, "ahead": each.ahead}
        for each in benchmarks.beside(rows, yours)
    ]  # fmt: skip
    words = TEXTS["en"]
    return await pages.show(
        "fca/market.html", status=422 if wrong else 200, here=HERE, texts=TEXTS,
        periods=[(_code(*each), _days(*each)) for each in known], period=_code(*chosen) if chosen else "",
        returns=[(str(each.id), f"{each.unit}, {_days(each.first, each.last)}, {each.number}") for each in returns],
        kept=str(yours.id) if yours else "", lines=lines, file=rows[0].file_name if rows else "",
        who=rows[0].loaded_by if rows else "", differs=_differs(yours, chosen), may_load=context.may[LOAD],
        wrong=words.get(wrong, wrong),
    )  # fmt: skip


def _differs(yours: ReturnKept | None, chosen: tuple[date, date] | None) -> tuple[str, str] | None:
    if yours is None or chosen is None or (yours.first, yours.last) == chosen:
        return None
    return _days(yours.first, yours.last), _days(*chosen)


def _code(first: date, last: date) -> str:
    return f"{first.isoformat()}..{last.isoformat()}"


def _days(first: date, last: date) -> str:
    return f"{first.isoformat()} – {last.isoformat()}"


HANDLERS: Sequence[Any] = [home, shown, loaded]
