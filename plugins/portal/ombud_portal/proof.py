"""Second factor: what the person told us, asked before documents are shown or anything is withdrawn."""

from typing import Any

from litestar import get, post

from ombud_plugin_api import BadLink, Pages, Platform, Refused, TooMany
from ombud_portal import given
from ombud_portal.given import Req
from ombud_portal.pages import PUBLIC, bad_link
from ombud_portal.wording import TEXTS, problem

PLACES = ("documents", "withdraw")


@get("/{token:str}/prove", opt=PUBLIC)
async def prove_form(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    return await ask(pages, platform, token, place(request.query_params.get("to", "")))


def place(wanted: str) -> str:
    """Where to go on afterwards: one of the two places that need a proof."""
    return wanted if wanted in PLACES else PLACES[0]


async def ask(
    pages: Pages, platform: Platform, token: str, to: str, question: str = "", answer: str = "",
    refusal: Refused | None = None, language: str = "en",
) -> Any:  # fmt: skip
    """`refusal`: of the answer tried before; one without a field means too many tries."""
    wrong = "" if refusal is None else problem(language, "answer_wrong") if refusal.field else str(refusal)
    try:
        case = await platform.follow(token)
    except BadLink as bad:
        return await bad_link(pages, bad)
    status = 200 if refusal is None else 422 if refusal.field else 429
    page = await pages.show(
        "portal/prove.html",
        status=status,
        texts=TEXTS,
        case=case,
        wishes=await platform.settings(case.unit),
        at=given.home(token),
        to=to,
        question=question or next(iter(case.proof_questions), ""),
        answer=answer,
        wrong=wrong,
        problems=[{"field": "answer", "message": wrong}] if wrong else [],
    )
    if isinstance(refusal, TooMany):
        page.headers["retry-after"] = str(refusal.retry_after)
    return page


@post("/{token:str}/prove", opt=PUBLIC, status_code=303)
async def prove(request: Req, token: str, platform: Platform, pages: Pages) -> Any:
    sent = await given.read(request)
    question, answer, to = sent.text("question"), sent.text("answer"), place(sent.text("to"))
    try:
        case = await platform.follow(token)
        minutes = int((await platform.settings(case.unit))["proof_minutes"])
        proof = await platform.prove(token, question, answer, minutes)
    except BadLink as bad:
        return await bad_link(pages, bad)
    except Refused as refusal:
        return await ask(pages, platform, token, to, question, answer[:200], refusal, sent.language)
    return given.with_proof(request, pages.go(f"{token}/{to}"), token, proof, minutes)


handlers = [prove_form, prove]
