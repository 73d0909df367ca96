"""A whole complaint in one request, for pages that carry the form themselves and for scripts."""

import hashlib
from typing import Any

from ombud_plugin_api import Conflict, Document, Pages, Platform, Refused
from ombud_webform import checking, draft, given, matters
from ombud_webform.checking import Cleaning, Problems
from ombud_webform.complaint import FileGiven, MatterGiven, Submission, complaint, receipt
from ombud_webform.filing import show_refusal, show_step, wrong_step
from ombud_webform.given import Given, Req
from ombud_webform.sending import token_of
from ombud_webform.visiting import Visit, begin, keep, with_cookie

KEY_HEADER = "idempotency-key"


async def file_at_once(request: Req, platform: Platform, pages: Pages) -> Any:
    """303 to the acknowledgement. What is wrong is shown on the form's own pages, with every word kept."""
    sent = await given.read(request)
    here, clean = begin(), Cleaning()
    fill(here, sent, clean, given.language_of(request, sent))
    documents = await sent.documents()
    problems = clean.problems(here.typed.language)
    step, wrong, opened = wrong_step(here)
    wrong = problems | wrong
    if wrong:
        return await _back(request, platform, pages, here, documents, step, wrong, opened)
    submission = _submission(here, documents)
    try:
        filed = await platform.file(receipt(_key(request, sent, submission), submission), complaint(submission))
    except Refused as refusal:
        await _keep(platform, here, documents)
        answer = await show_refusal(pages, here, refusal)
        if isinstance(refusal, Conflict):
            answer.status_code = 409
        return with_cookie(request, answer, here)
    return pages.go(f"sent/{token_of(filed)}")


def fill(here: Visit, sent: Given, clean: Cleaning, language: str) -> None:
    """`matter` may come several times; a `summary` alone is the one matter."""
    typed = here.typed
    typed.language = language
    given.person(sent, clean, typed)
    typed.summary = clean("summary", sent.text("summary")).strip()
    for text in sent.all("matter"):
        matters.put(typed, draft.MatterTyped(id=draft.new_matter_id(), text=clean("text", text)))
    if not typed.matters and typed.summary:
        matters.put(typed, draft.MatterTyped(id=draft.new_matter_id(), text=typed.summary))
        typed.summary = ""


def _submission(here: Visit, documents: list[Document]) -> Submission:
    typed = here.typed
    return Submission(
        name=typed.name, email=typed.email, phone=typed.phone, postcode=typed.postcode, summary=typed.summary,
        language=typed.language, matters=tuple(MatterGiven(text=each.text) for each in typed.matters),
        files=tuple(FileGiven(name=each.name, content_type=each.content_type, data=each.data) for each in documents),
    )  # fmt: skip


def _key(request: Req, sent: Given, submission: Submission) -> str:
    """The sender's key; without one, the same content from the same browser is the same complaint."""
    own = (sent.text("key") or request.headers.get(KEY_HEADER, "")).strip()
    if own:
        return f"key:{hashlib.sha256(own.encode()).hexdigest()}"
    content = sent.text("_csrf").encode() + b"\n" + receipt("", submission).body
    return f"content:{hashlib.sha256(content).hexdigest()}"


async def _back(
    request: Req, platform: Platform, pages: Pages, here: Visit, documents: list[Document], step: str, wrong: Problems,
    opened: str,
) -> Any:  # fmt: skip
    await _keep(platform, here, documents)
    if step == "matters" and not opened and here.typed.matters:
        opened = here.typed.matters[0].id
    return with_cookie(request, await show_step(pages, step, here, wrong, opened), here)


async def _keep(platform: Platform, here: Visit, documents: list[Document]) -> None:
    """The words and the files become a draft, so that nothing is lost."""
    await keep(here)
    for each in documents:
        wrong = await checking.file(platform, here.typed.language, each.name, each.data, here.draft)
        if draft.fits(here.typed) and not wrong:
            await draft.add_file(platform, here.draft, each.name[-200:], each.content_type[:100], each.data)
