"""The look of the desk: which themes are installed, how they look, and which one everybody sees."""

from typing import Any

from litestar import Request, Response, get, post

from ombud.speech import sentence, word_of
from ombud.trust import settings as kept
from ombud.trust.settings import MayNotSetError
from ombud.web import themes
from ombud.web.door import viewer_of
from ombud.web.look import KEY, PREVIEW, look
from ombud.web.pages.administration import administration_page
from ombud.web.pages.given import given
from ombud.web.shell import go
from ombud.web.themes import ThemeError

Req = Request[Any, Any, Any]
MANAGE = {"permission": "setting.manage"}
HERE = "/administration/look"


@get(HERE, opt=MANAGE)
async def looks(request: Req) -> Response[Any]:
    return await _page(request)


@post(HERE, opt=MANAGE)
async def choose(request: Req) -> Response[Any]:
    """For the whole desk, in every process within moments; one that cannot be used is refused with its problem."""
    name = (await given(request)).text("theme")
    if not name:
        return await _page(request, status=422, wrong="Choose a theme of the list.")
    try:
        theme, _ = look.named(name)
        await kept.change(viewer_of(request), KEY, theme.name)
    except ThemeError as problem:
        return await _page(request, status=422, wrong=sentence("Nothing was changed. %(what)s", what=problem))
    except MayNotSetError:
        return await _page(request, status=409, wrong="Nothing was changed. The look of the whole desk needs the right "
                           "to change settings in every unit at the top.")  # fmt: skip
    await look.refresh()  # this process answers the next page; the others hear the notice
    label = word_of(theme.label, theme.version, theme.folder)
    return go(HERE, sentence("Everybody sees %(theme)s from now on.", theme=label))


async def _page(request: Req, *, status: int = 200, wrong: str = "") -> Response[Any]:
    previewed = request.query_params.get(PREVIEW, "")
    shown = [_shown(each, previewed) for each in themes.installed()]
    return await administration_page(
        request, "pages/looks.html", "look", status=status, themes=shown, wrong=wrong, problem=look.problem,
        wanted=look.wanted, previewed=next((each["label"] for each in shown if each["previewed"]), ""),
    )  # fmt: skip


def _shown(each: themes.Installed, previewed: str) -> dict[str, Any]:
    theme, problem = each.theme, each.problem
    if theme is not None:
        try:
            look.named(each.name)
        except ThemeError as found:
            problem = str(found)
    return {
        "name": each.name, "label": word_of(theme.label, theme.version, theme.folder) if theme else each.name,
        "summary": word_of(theme.summary, theme.version, theme.folder) if theme else "",
        "version": theme.version if theme else "", "problem": problem,
        "in_force": look.theme is not None and look.theme.name == each.name,
        "previewed": previewed == each.name and not problem,
        "preview": f"{HERE}?{PREVIEW}={each.name}", "preview_front": f"/?{PREVIEW}={each.name}",
    }  # fmt: skip


handlers = [looks, choose]
