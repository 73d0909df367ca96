"""The pages: all mailboxes and how they are, further ones beside the units' own, a mail to oneself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import Request, get, post
from litestar.exceptions import NotFoundException

from ombud_email import forms, positions, sending
from ombud_email import settings as chosen
from ombud_email.mailbox import Mailbox, chosen_of, every_mailbox, mailbox_for, secrets_of
from ombud_email.settings import SCHEMA
from ombud_email.tables import EmailMailbox
from ombud_email.wording import TEXTS
from ombud_plugin_api import Context, OutboundMessage, Pages, PluginFault, Recipient, Thread, Tried

MAY = "email.manage"
OPT = {"permission": MAY}
HERE = "mailboxes"
Req = Request[Any, Any, Any]


@get("/", opt=OPT)
async def home(pages: Pages) -> Any:
    return pages.go(HERE)


@get("/mailboxes", opt=OPT)
async def index(pages: Pages, context: Context) -> Any:
    return await _index(pages, context)


async def _index(pages: Pages, context: Context, told: Tried | None = None) -> Any:
    known = await positions.every()
    rows = {row.address: row for row in await EmailMailbox.objects()}
    names = {each.key: each.name for each in await context.platform.units()}
    boxes = [_shown(each, rows.get(each.address), known.get(each.address), names)
             for each in await every_mailbox(context.platform)]  # fmt: skip
    resting = [{"id": row.id, "address": row.address, "unit": names.get(row.unit, row.unit)}
               for row in rows.values() if not row.active]  # fmt: skip
    return await pages.show("email/index.html", here=HERE, texts=TEXTS, boxes=boxes, resting=resting, told=told)


def _shown(each: Mailbox, row: EmailMailbox | None, position: Any, names: Mapping[str, str]) -> dict[str, Any]:
    if each.imap is None:
        state = "only_out"
    elif position is None or position.looked_at is None:
        state = "new"
    else:
        state = "trouble" if position.problem else "well"
    return {
        "address": each.address, "unit": names.get(each.unit, each.unit), "id": row.id if row else None,
        "folder": each.folder, "sends": each.smtp is not None, "state": state,
        "how": position.how if position else "", "looked_at": position.looked_at if position else None,
        "mail_at": position.mail_at if position else None, "problem": position.problem if position else "",
    }  # fmt: skip


@get("/mailboxes/new", opt=OPT)
async def new(pages: Pages, context: Context) -> Any:
    return await _form(pages, context, None, forms.usual(), "")


async def _form(
    pages: Pages, context: Context, row: EmailMailbox | None, values: Mapping[str, Any], unit: str,
    wrong: Mapping[str, str] | None = None, told: Tried | None = None, active: bool = True,
) -> Any:  # fmt: skip
    groups: dict[str, list[str]] = {}
    for name, rule in SCHEMA.items():
        groups.setdefault(rule["meta"]["group"], []).append(name)
    kept = await secrets_of(row, context.platform) if row else {}
    return await pages.show(
        "email/form.html", here=HERE, status=422 if wrong or (told and not told.works) else 200, texts=TEXTS,
        groups=list(groups.values()), rules=SCHEMA, values=values, wrong=wrong or {}, kept=sorted(kept), told=told,
        row=row, unit=unit, active=active, units=[(each.key, each.name) for each in await context.platform.units()],
    )  # fmt: skip


async def _row(mailbox_id: UUID) -> EmailMailbox:
    row = await EmailMailbox.objects().get(EmailMailbox.id == mailbox_id)
    if row is None:
        raise NotFoundException("There is no such mailbox any more.")
    return row


@get("/mailboxes/{mailbox_id:uuid}", opt=OPT)
async def show(mailbox_id: UUID, pages: Pages, context: Context) -> Any:
    row = await _row(mailbox_id)
    return await _form(pages, context, row, {**forms.usual(), **chosen_of(row)}, row.unit, active=row.active)


@post("/mailboxes/new", opt=OPT, status_code=303)
async def add(request: Req, pages: Pages, context: Context) -> Any:
    return await _saved(request, pages, context, None)


@post("/mailboxes/{mailbox_id:uuid}", opt=OPT, status_code=303)
async def change(request: Req, mailbox_id: UUID, pages: Pages, context: Context) -> Any:
    return await _saved(request, pages, context, await _row(mailbox_id))


async def _saved(request: Req, pages: Pages, context: Context, row: EmailMailbox | None) -> Any:
    """Saves, or with `step=try` only tries out what stands in the form."""
    form = await request.form()
    given, unit, active = forms.read(form), str(form.get("unit") or ""), form.get("active") == "on"
    if unit and unit not in {each.key for each in await context.platform.units()}:
        given.wrong["unit"] = "choice"
    address = str(given.values.get("address", "")).lower()
    others = {each.address for each in await every_mailbox(context.platform)} - ({row.address} if row else set())
    if address in others:
        given.wrong["address"] = "taken"
    if given.wrong:
        return await _form(pages, context, row, given.values, unit, given.wrong, active=active)
    secrets = {**(await secrets_of(row, context.platform) if row else {}), **given.secrets}
    if form.get("step") == "try":
        told = await chosen.try_out(_typed({**given.values, **secrets}), context)
        return await _form(pages, context, row, given.values, unit, told=told, active=active)
    await _write(row, address, unit, given, secrets, context, active)
    return pages.go(HERE, f"{address} is set up." + (" It is read within a few seconds." if active else ""))


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    return chosen_of(EmailMailbox(chosen=values))


async def _write(
    row: EmailMailbox | None, address: str, unit: str, given: forms.Given, secrets: Mapping[str, str],
    context: Context, active: bool
) -> None:  # fmt: skip
    old = row.secrets if row else None
    file = old
    if given.secrets:
        file = await context.platform.keep_file(msgspec.json.encode(dict(secrets)))
    values: dict[Any, Any] = {
        EmailMailbox.address: address, EmailMailbox.unit: unit, EmailMailbox.chosen: given.values,
        EmailMailbox.secrets: file, EmailMailbox.active: active,
    }  # fmt: skip
    if row is None:
        row = EmailMailbox(id=uuid4(), address=address, created_at=datetime.now(UTC))
        await EmailMailbox.insert(row)
    await EmailMailbox.update(values).where(EmailMailbox.id == row.id)
    if old is not None and file != old:
        await context.platform.drop_file(old)


@post("/mailboxes/{mailbox_id:uuid}/remove", opt=OPT, status_code=303)
async def remove(mailbox_id: UUID, pages: Pages, context: Context) -> Any:
    """The mailbox is read no more; what came from it stays."""
    row = await _row(mailbox_id)
    await EmailMailbox.delete().where(EmailMailbox.id == row.id)
    if row.secrets is not None:
        await context.platform.drop_file(row.secrets)
    return pages.go(HERE, f"{row.address} is read no more. What came from it stays.")


@post("/probe", opt=OPT, status_code=303)
async def probe(request: Req, pages: Pages, context: Context) -> Any:
    """A mail from a mailbox to itself: the whole way out, and the whole way in."""
    address = str((await request.form()).get("address") or "")
    known = next((each for each in await every_mailbox(context.platform) if each.address == address), None)
    if known is None or known.smtp is None:
        raise NotFoundException("There is no such mailbox to send from.")
    identity = uuid4()
    mail = OutboundMessage(
        id=identity, channel="email", kind="notice", recipient=Recipient(name=known.name, email=known.address),
        subject="A mail to oneself", text="This mail went out and came in again: the mailbox works both ways.",
        thread=Thread(id=f"{identity.hex}@{known.domain}"), account=known.address, unit=known.unit, robot=True,
    )  # fmt: skip
    try:
        await mailbox_for(context.platform, known.address, known.unit)
        receipt = await sending.send(mail, f"probe/{identity}", context)
    except PluginFault as problem:
        return await _index(pages, context, Tried(False, f"{address}: {problem}"))
    words = "The mail is on its way" if receipt.state == "sent" else receipt.detail
    return pages.go(HERE, f"{words}. It shows up in the inbox, marked as automatic.")


HANDLERS = [home, index, new, show, add, change, remove, probe]
