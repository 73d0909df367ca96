"""The figures of a year, the log of requests as a file, and the log of opt-outs."""

from typing import Any

from litestar import Request, Response, get

from ombud.desk.privacy import figures, signals
from ombud.desk.privacy.requests import HANDLE
from ombud.kernel.clock import now
from ombud.web.door import viewer_of
from ombud.web.pages.privacy import CHANNEL_WORDS, OUTCOME_WORDS
from ombud.web.shell import page

Req = Request[Any, Any, Any]
OPT = {"permission": HANDLE}
HOW_WORDS = {**CHANNEL_WORDS, signals.GPC: "Global Privacy Control"}
WHO_WORDS = {"browser": "A browser", "person": "A person"}


def _year(year: int) -> int:
    return year if 2000 <= year <= now().year else now().year


@get("/privacy/figures", opt=OPT)
async def of_year(request: Req, year: int = 0) -> Response[Any]:
    year = _year(year)
    return await page(
        request, "pages/privacy_figures.html", here="privacy", year=year, years=_years(),
        lines=await figures.of_year(viewer_of(request), year), signals=await signals.counted(year),
        names=[(name, label) for name, (label, _) in figures.FIGURES.items()],
        meanings=list(figures.FIGURES.values()),
    )  # fmt: skip


def _years() -> list[int]:
    return list(range(now().year, now().year - 5, -1))


@get("/privacy/figures/file", opt=OPT)
async def of_year_file(request: Req, year: int = 0) -> Response[Any]:
    year = _year(year)
    lines = await figures.of_year(viewer_of(request), year)
    return _file(figures.csv_of(year, lines, await signals.counted(year)), f"privacy-figures-{year}.csv")


@get("/privacy/log", opt=OPT)
async def log_file(request: Req, year: int = 0) -> Response[Any]:
    """The requests of a year, a line each, without names."""
    year = _year(year)
    return _file(await figures.log_csv(viewer_of(request), year), f"privacy-requests-{year}.csv")


def _file(data: bytes, name: str) -> Response[Any]:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(data, status_code=200, media_type="text/csv; charset=utf-8", headers=headers)


@get("/privacy/opt-outs", opt=OPT)
async def opt_outs(request: Req, year: int = 0) -> Response[Any]:
    year = _year(year)
    lines = [
        {"line": each, "how": HOW_WORDS.get(each.how, each.how), "who": WHO_WORDS[each.who],
         "outcome": OUTCOME_WORDS.get(each.outcome, ""),
         "href": f"/privacy/{each.request_id}" if each.request_id else ""}
        for each in await signals.log(viewer_of(request), year)
    ]  # fmt: skip
    return await page(
        request, "pages/privacy_opt_outs.html", here="privacy", year=year, years=_years(), lines=lines,
        honoured=signals.honoured_by(), browsers=await signals.counted(year),
    )  # fmt: skip


handlers = [of_year, of_year_file, log_file, opt_outs]
