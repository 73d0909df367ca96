"""One's own keys: every action with its key, to be changed and set back."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post

from ombud.trust import preferences
from ombud.web import keys
from ombud.web.door import viewer_of
from ombud.web.guard import SIGNED_IN
from ombud.web.keys import KeysClash
from ombud.web.pages.given import given
from ombud.web.shell import go, looks, page

Req = Request[Any, Any, Any]
OWN = {"permission": SIGNED_IN}


@get("/me/keys", opt=OWN)
async def own_keys(request: Req) -> Response[Any]:
    return await _page(request, keys.bound(viewer_of(request).keys), {})


@post("/me/keys", opt=OWN)
async def change_keys(request: Req) -> Response[Any]:
    """Keeps the chosen keys, or sets all back; a key that would mean two things is refused beside its field."""
    viewer, form = viewer_of(request), await given(request)
    if form.text("step") == "reset":
        await preferences.keep_keys(viewer, {})
        return go("/me/keys", "The usual keys are back.")
    typed = form.texts()
    try:
        await preferences.keep_keys(viewer, keys.checked(typed))
    except KeysClash as clash:
        return await _page(request, {**keys.bound({}), **typed}, clash.errors)
    return go("/me/keys", "Your keys are kept.")


async def _page(request: Req, typed: Mapping[str, str], errors: dict[str, str]) -> Response[Any]:
    groups = [
        {"label": label, "keys": [_line(each, typed) for each in keys.ACTIONS if each.group == code]}
        for code, label in keys.GROUPS.items()
    ]
    return await page(
        request, "pages/keys.html", here="me", status=422 if errors else 200, groups=groups,
        off=looks(request)["keys"] == "off", fixed=[{"label": label, "words": key} for label, key in keys.FIXED],
        form={"errors": [{"field": f"key-{code}", "message": text} for code, text in errors.items()],
              "error_of": errors},
    )  # fmt: skip


def _line(action: keys.KeyAction, typed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": action.code, "label": action.label, "key": str(typed.get(action.code, action.key))[:10],
        "usual": keys.words(action.key), "own": typed.get(action.code) != action.key,
    }  # fmt: skip


handlers = [own_keys, change_keys]
