"""The print queue: what waits to be printed, what was printed together, posted, and came back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import QueryParameter

from ombud_letters import forms, letters, printing, proofs, telling
from ombud_letters.forms import Problem, problem
from ombud_letters.letters import Letter
from ombud_letters.settings import zone
from ombud_letters.tables import sql
from ombud_letters.wording import TEXTS
from ombud_plugin_api import Context, Pages, Platform, Transient

PRINT = "letters.print"
OPT = {"permission": PRINT}
HERE = "queue"
LISTED = 50
PDF = "application/pdf"

Req = Request[Any, Any, Any]


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/queue", opt=OPT)
async def queue(
    pages: Pages, context: Context, shown: Annotated[str, QueryParameter(name="state")] = "queued", after: str = ""
) -> Any:
    return await _queue(pages, context, shown, _uuid(after))


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError:
        return None


async def _queue(
    pages: Pages, context: Context, state: str, after: UUID | None = None, wrong: Sequence[Problem] = (),
    typed: Mapping[str, str] | None = None,
) -> Any:  # fmt: skip
    state = state if state in letters.STATES else "queued"
    found = await letters.in_state(state, LISTED + 1, after)
    shown = await _readable(found[:LISTED], context.platform)
    return await pages.show(
        "letters/queue.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, state=state, states=letters.STATES,
        counts=await letters.counts(context.platform), letters=shown, errors=wrong,
        posting=await _posting(context, typed), more=found[LISTED - 1].id if len(found) > LISTED else "",
        most=printing.MOST,
        proofs=await proofs.of_letters([each.id for each in shown]) if state in {"posted", "returned"} else {},
        set_up=context.may["letters.setup"],
    )  # fmt: skip


async def _readable(found: Sequence[Letter], platform: Platform) -> list[Letter]:
    """A letter of a case that the viewer may not read is not there for them, here as on the page of the case."""
    seen = await platform.readable([each.message_id for each in found])
    return [each for each in found if each.message_id in seen]


async def _posting(context: Context, typed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the form that marks letters as posted stands with."""
    return {
        "classes": [(each, each) for each in context.settings["post_classes"] or ()],
        "on": _today(context).isoformat(), "class": "", "tracking": "", **(typed or {}),
    }  # fmt: skip


def _today(context: Context) -> date:
    return datetime.now(zone(context.settings)).date()


@post("/queue/print", opt=OPT, status_code=303)
async def print_them(request: Req, pages: Pages, context: Context) -> Any:
    """Puts the ticked letters into a batch; its page has the file to print."""
    form = await request.form()
    state = forms.text(form, "state") or "queued"
    wanted = forms.ids(form, "letter")
    chosen = await _readable(await letters.several(wanted), context.platform)
    chosen = [each for each in chosen if each.state in {"queued", "printed"}]
    if not chosen:
        return await _refused(pages, context, state, "tick_some")
    if len(chosen) > printing.MOST:
        return await _refused(pages, context, state, "too_many_at_once", most=printing.MOST)
    batch = await letters.printed(context.platform, [each.id for each in chosen], context.viewer_name)
    return pages.go(f"batches/{batch}") if batch else pages.go(HERE)


async def _refused(pages: Pages, context: Context, state: str, code: str, **about: Any) -> Any:
    return await _queue(pages, context, state, wrong=[problem("", code, **about)])


@get("/batches/{batch_id:uuid}", opt=OPT)
async def batch_page(batch_id: UUID, pages: Pages, context: Context) -> Any:
    return await _batch_page(batch_id, pages, context)


async def _batch_page(
    batch_id: UUID, pages: Pages, context: Context, wrong: Sequence[Problem] = (),
    typed: Mapping[str, str] | None = None, ticked: Sequence[UUID] | None = None,
) -> Any:  # fmt: skip
    made_by, made_at, shown = await _batch(batch_id, context.platform)
    waiting = [each for each in shown if each.state == "printed"]
    by_hand = {
        each.id: [one.name for one in await letters.enclosures(each.id) if one.file_id is None] for each in shown
    }
    return await pages.show(
        "letters/batch.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, batch=batch_id, made_by=made_by,
        made_at=made_at, letters=shown, waiting=waiting, errors=wrong, by_hand=by_hand,
        posting=await _posting(context, typed), ticked=[each.id for each in waiting] if ticked is None else ticked,
    )  # fmt: skip


async def _batch(batch_id: UUID, platform: Platform) -> tuple[str, datetime, list[Letter]]:
    rows = await sql("SELECT made_by, made_at FROM letters_batch WHERE id = {}", batch_id)
    shown = await _readable(await letters.of_batch(batch_id), platform) if rows else []
    if not shown:
        raise NotFoundException("There is no such print run. Its letters may have been printed again since.")
    return rows[0]["made_by"], rows[0]["made_at"], shown


@get("/batches/{batch_id:uuid}/letters.pdf", opt=OPT)
async def batch_file(batch_id: UUID, request: Req, platform: Platform, both_sides: str = "") -> Response[bytes]:
    _, made_at, shown = await _batch(batch_id, platform)
    made = await printing.of_batch(made_at, shown, platform, _language(request), bool(both_sides))
    return as_pdf(made, f"letters-{made_at:%Y-%m-%d}.pdf")


def _language(request: Req) -> str:
    """The viewer's, by the cookie and the browser as core's pages have it; English where nothing says."""
    asked = str(request.cookies.get("ombud_language") or request.headers.get("accept-language") or "en")[:2].lower()
    return asked if asked in TEXTS else "en"


def as_pdf(data: bytes, name: str) -> Response[bytes]:
    headers = {"content-disposition": f'inline; filename="{name}"', "x-content-type-options": "nosniff"}
    return Response(data, media_type=PDF, headers=headers)


@post("/queue/posted", opt=OPT, status_code=303)
async def mark_posted(request: Req, pages: Pages, context: Context) -> Any:
    """The ticked letters were handed to the post: day, class, tracking number and proof hold for all of them."""
    form = await request.form()
    chosen = await _readable(await letters.several(forms.ids(form, "letter")), context.platform)
    chosen = [each for each in chosen if each.state in {"queued", "printed"}]
    typed = {
        "on": forms.text(form, "on"),
        "class": forms.text(form, "class"),
        "tracking": forms.text(form, "tracking", 60),
    }
    sent = await forms.files(form, "proof", proofs.LARGEST)
    wrong = _wrong_posting(chosen, typed, sent, context)
    batch = _uuid(forms.text(form, "batch"))
    if wrong and batch is not None:
        return await _batch_page(batch, pages, context, wrong, typed, [each.id for each in chosen])
    if wrong:
        return await _queue(pages, context, forms.text(form, "state") or "printed", wrong=wrong, typed=typed)
    on = date.fromisoformat(typed["on"])
    done = await letters.posted(
        [each.id for each in chosen], on, typed["class"], typed["tracking"], context.viewer_name
    )
    for identity in done:
        for file in sent:
            await proofs.add(identity, file.name, file.data, context.platform, context.viewer_name)
    await _tell(context.platform)
    return pages.go(f"{HERE}?state=posted")


async def _tell(platform: Platform) -> None:
    """At once where core is there; else the next round of `tend` does it."""
    try:
        await telling.tell(platform)
    except (Transient, OSError):
        return


def _wrong_posting(
    chosen: Sequence[Letter], typed: Mapping[str, str], sent: Sequence[forms.Sent], context: Context
) -> list[Problem]:
    found = []
    if not chosen:
        found.append(problem("", "tick_some"))
    on = forms.day(typed, "on")
    if on is None:
        found.append(problem("on", "no_day"))
    elif on > _today(context):
        found.append(problem("on", "future_day"))
    elif any(on < each.queued_at.astimezone(zone(context.settings)).date() for each in chosen):
        found.append(problem("on", "before_letter"))
    if len(chosen) > 1 and typed["tracking"]:
        found.append(problem("tracking", "one_tracking"))
    for file in sent:
        if code := proofs.refusal(file.data):
            found.append(problem("proof", code, about=file.name))
    return found


async def _letter(letter_id: UUID, platform: Platform) -> Letter:
    found = await letters.get(letter_id)
    if found is None or not await _readable([found], platform):
        raise NotFoundException("There is no such letter. It may have gone with the person it was for.")
    return found


@get("/letters/{letter_id:uuid}", opt=OPT)
async def letter_page(letter_id: UUID, pages: Pages, context: Context) -> Any:
    return await _letter_page(await _letter(letter_id, context.platform), pages, context)


async def _letter_page(
    letter: Letter, pages: Pages, context: Context, wrong: Sequence[Problem] = (), reason: str = ""
) -> Any:
    return await pages.show(
        "letters/letter.html", here=HERE, status=422 if wrong else 200, texts=TEXTS, letter=letter, errors=wrong,
        enclosures=await letters.enclosures(letter.id),
        proofs=(await proofs.of_letters([letter.id])).get(letter.id, []),
        posting=await _posting(context), reason=reason,
    )  # fmt: skip


@get("/letters/{letter_id:uuid}/letter.pdf", opt=OPT)
async def letter_file(letter_id: UUID, platform: Platform) -> Response[bytes]:
    letter = await _letter(letter_id, platform)
    return as_pdf(await printing.of_letter(letter, platform), f"letter-{letter.reference or letter.id}.pdf")


@get("/of-case/{letter_id:uuid}/letter.pdf", opt={"permission": "case.read"})
async def letter_of_case(letter_id: UUID, platform: Platform) -> Response[bytes]:
    """For whoever may read the message in its case, without the right to print."""
    letter = await _letter(letter_id, platform)
    return as_pdf(await platform.kept_file(letter.file_id), f"letter-{letter.reference or letter.id}.pdf")


@post("/letters/{letter_id:uuid}/returned", opt=OPT, status_code=303)
async def mark_returned(request: Req, letter_id: UUID, pages: Pages, context: Context) -> Any:
    """It came back: when, and why by what is written on it."""
    letter = await _letter(letter_id, context.platform)
    form = await request.form()
    on, reason = forms.day(form, "returned_on"), forms.text(form, "reason", 300)
    wrong = [] if reason else [problem("reason", "no_reason")]
    if on is None or on > _today(context) or (letter.posted_on is not None and on < letter.posted_on):
        wrong.append(problem("returned_on", "wrong_return_day"))
    if wrong:
        return await _letter_page(letter, pages, context, wrong, reason)
    assert on is not None
    await letters.returned(letter.id, on, reason, context.viewer_name)
    await _tell(context.platform)
    return pages.go(f"letters/{letter.id}")


@post("/letters/{letter_id:uuid}/withdraw", opt=OPT, status_code=303)
async def withdraw(request: Req, letter_id: UUID, pages: Pages, context: Context) -> Any:
    """It shall not go: something is wrong with it that a colleague saw on paper."""
    letter = await _letter(letter_id, context.platform)
    reason = forms.text(await request.form(), "reason", 300)
    if not reason:
        return await _letter_page(letter, pages, context, [problem("reason", "no_reason")])
    await letters.withdrawn(letter.id, reason, context.viewer_name)
    await _tell(context.platform)
    return pages.go(f"letters/{letter.id}")


@post("/letters/{letter_id:uuid}/queue-again", opt=OPT, status_code=303)
async def queue_again(letter_id: UUID, pages: Pages, context: Context) -> Any:
    letter = await _letter(letter_id, context.platform)
    await letters.back_to_queue(letter.id, context.viewer_name)
    return pages.go(HERE)


@post("/letters/{letter_id:uuid}/proofs", opt=OPT, status_code=303)
async def add_proofs(request: Req, letter_id: UUID, pages: Pages, context: Context) -> Any:
    """Tracking number and proofs of a posted letter."""
    letter = await _letter(letter_id, context.platform)
    form = await request.form()
    sent = await forms.files(form, "proof", proofs.LARGEST)
    wrong = [problem("proof", code, about=each.name) for each in sent if (code := proofs.refusal(each.data))]
    if letter.state not in {"posted", "returned"}:
        wrong.append(problem("", "not_posted_yet"))
    if wrong:
        return await _letter_page(letter, pages, context, wrong)
    await letters.track(letter.id, forms.text(form, "tracking", 60))
    for file in sent:
        await proofs.add(letter.id, file.name, file.data, context.platform, context.viewer_name)
    return pages.go(f"letters/{letter.id}")


@get("/letters/{letter_id:uuid}/proofs/{proof_id:uuid}", opt=OPT)
async def proof_file(letter_id: UUID, proof_id: UUID, platform: Platform) -> Response[bytes]:
    letter = await _letter(letter_id, platform)
    for each in (await proofs.of_letters([letter.id])).get(letter.id, []):
        if each.id == proof_id:
            name = forms.file_name(each.name).encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
            headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
            return Response(await platform.kept_file(each.file_id), media_type=each.content_type, headers=headers)
    raise NotFoundException("There is no such proof.")


HANDLERS = [
    home, queue, print_them, batch_page, batch_file, mark_posted, letter_page, letter_file, letter_of_case,
    mark_returned, withdraw, queue_again, add_proofs, proof_file,
]  # fmt: skip
