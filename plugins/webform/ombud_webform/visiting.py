"""Which draft belongs to this browser, and how a page of it is drawn."""

from dataclasses import dataclass
from typing import Any

from ombud_plugin_api import Context, Pages
from ombud_webform import draft, sending
from ombud_webform.checking import Problems
from ombud_webform.draft import Draft, Typed
from ombud_webform.given import COOKIE, COOKIE_PATH, Req
from ombud_webform.settings import LARGEST_IN_ALL_MB, Offer, offer_of
from ombud_webform.wording import TEXTS


@dataclass
class Visit:
    """A draft and the secret that opens it. `known`: the browser brought the secret; `offer`: what the form asks."""

    secret: str
    draft: Draft
    known: bool
    offer: Offer

    @property
    def typed(self) -> Typed:
        return self.draft.typed

    @property
    def frozen(self) -> bool:
        return self.draft.sent_at is not None


async def visit(request: Req, context: Context) -> Visit:
    """The browser's draft, or a new one that is written down with its first words."""
    secret = request.cookies.get(COOKIE, "")[:100]
    found = await draft.load(draft.id_of(secret)) if secret else None
    if found is not None:
        return Visit(secret, found, True, offer_of(context.settings))
    return begin(context)


def begin(context: Context) -> Visit:
    secret = draft.new_secret()
    return Visit(secret, Draft(id=draft.id_of(secret), typed=Typed()), False, offer_of(context.settings))


async def sent_before(request: Req) -> str:
    """The token of the case that this browser's draft became."""
    secret = request.cookies.get(COOKIE, "")[:100]
    return await sending.sent_before(draft.id_of(secret)) if secret else ""


async def keep(here: Visit) -> None:
    """Saves the words, where they fit; longer ones stay on the page that says so."""
    if draft.fits(here.typed):
        await draft.save(here.draft.id, here.typed)


def with_cookie(request: Req, answer: Any, here: Visit) -> Any:
    if not here.known:
        seconds = int(here.offer.keep_for.total_seconds())
        answer.set_cookie(
            key=COOKIE, value=here.secret, path=COOKIE_PATH, max_age=seconds, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
    return answer


async def show(pages: Pages, step: str, here: Visit, problems: Problems | None = None, **more: Any) -> Any:
    """One step with the words typed so far; problems beside their fields and above the page."""
    wrong = problems or {}
    return await pages.show(
        f"webform/{step}.html",
        status=422 if wrong else 200,
        texts=TEXTS,
        typed=here.typed,
        kept_files=here.draft.files,
        known=here.known,
        wrong=wrong,
        problems=[{"field": field, "message": message} for field, message in wrong.items()],
        offer=here.offer,
        limits={"files": here.offer.most_files, "size": here.offer.file_mb, "all": LARGEST_IN_ALL_MB},
        **more,
    )
