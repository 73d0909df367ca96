"""The ways of the canary: how a marked person comes into each plugin that is shipped, by its own doors."""

import importlib.util
import io
import re
import sys
import threading
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pikepdf

from ombud.desk import intake, messages
from ombud.desk.outgoing import writing
from ombud.desk.outgoing.writing import Wanted
from ombud.kernel import plugins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.outbox import enqueue_job
from ombud.testing_desk import Browser, Desk
from ombud.trust import group_settings
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import Document, RawReceipt

ROOT = Path(__file__).parents[2]
NAME, EMAIL, PHONE = "Qworblax Zintefuld", "qworblax@zintefuld.example", "+44 7700 900461"
POSTCODE, ADDRESS = "QX9 7ZV", "77 Plimvort Crescent"
# One word for each thing she says or sends, so that what is missing or left is known by it.
SAID = {
    "form": "snarvelquint", "text file": "grombivault", "PDF": "wimblorxen", "ZIP": "flundrakzip", "mail": "tarnvexil",
    "call": "bovrindleth", "scan": "hupplewarnt", "CSV row": "crindleflax", "portal": "dwenglomar",
    "portal file": "yotherbrisk", "unsent form": "pellumquark", "unfinished call": "zevrathong",
    "open scan": "klimdorvast",
}  # fmt: skip
# What others say and know of her.
OF_HER = {"reply": "frontlembic", "letter": "gaxoplinth", "note": "murndellow", "draft": "osklivarn",
          "customer file": "trebulhund", "customer system": "vashinborg"}  # fmt: skip
MARKS = ["Qworblax", "Zintefuld", "7700900461", "7700 900461", POSTCODE, "Plimvort", *SAID.values(), *OF_HER.values()]


def borrowed(slug: str, name: str) -> ModuleType:
    """What a plugin's own tests use: its pages' forms, a server to talk to."""
    path = ROOT / "plugins" / slug / "tests" / f"{name}.py"
    alias = f"canary_{slug.replace('-', '_')}_{name}"
    if alias not in sys.modules:
        spec = importlib.util.spec_from_file_location(alias, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
    return sys.modules[alias]


def pdf(*lines: str) -> bytes:
    """A file that carries its text, in compressed streams."""
    whole, made = pikepdf.Pdf.new(), io.BytesIO()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page = whole.add_blank_page(page_size=(595, 842))
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=whole.make_indirect(font)))
    shown = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
    page.Contents = whole.make_stream(f"BT /F1 12 Tf 60 780 Td {shown}ET".encode())
    whole.save(made, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return made.getvalue()


def zipped(name: str, text: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return made.getvalue()


@dataclass
class Going:
    """What the ways share: the desk, and what was begun for the test's end."""

    desk: Desk
    ends: list[Callable[[], Any]] = field(default_factory=list)
    post: Any = None

    async def choose(self, slug: str, secrets: dict[str, str] | None = None, **values: Any) -> None:
        key = f"p-{slug}"
        version = next((each.version for each in await group_settings.levels(key) if each.unit_id is None), 0)
        change = group_settings.Change(values=values, secrets=secrets or {})
        await group_settings.change(SYSTEM, key, change, version=version)

    async def case_by(self, channel: str) -> Any:
        row = await db.fetchrow(
            "SELECT id, reference FROM core_case WHERE channel = $1 ORDER BY received_at, id", channel
        )
        assert row is not None, f"no case came in by {channel}"
        return row


Way = Callable[[Going], Awaitable[None]]


async def _webform(going: Going) -> None:
    press = borrowed("webform", "test_form").press
    sent, unsent = going.desk.browser(), going.desk.browser()
    await press(sent, "matters", open="m1", text=f"The {SAID['form']} fee was taken twice.")
    await press(sent, "about", name=NAME, email=EMAIL, phone=PHONE, postcode=POSTCODE)
    files = [
        ("documents", (f"{NAME}.txt", f"My {SAID['text file']}.".encode(), "text/plain")),
        ("documents", ("bill.pdf", pdf(f"Bill of {SAID['PDF']}"), "application/pdf")),
        ("documents", ("all.zip", zipped("inner.txt", SAID["ZIP"]), "application/zip")),
    ]
    await press(sent, "files", files=files)
    assert (await press(sent, "send")).status_code == 303
    await press(unsent, "matters", open="m1", text=f"I never sent {SAID['unsent form']}.")
    await press(unsent, "about", name=NAME, email=EMAIL, phone="", postcode="")
    await press(unsent, "files", files={"documents": ("later.txt", SAID["unsent form"].encode(), "text/plain")})


async def _email(going: Going) -> None:
    """In as bytes of a mailbox, out by a real server."""
    folder = str(ROOT / "plugins" / "email" / "tests")
    sys.path.insert(0, folder)
    going.ends.append(lambda: sys.path.remove(folder))
    going.post = borrowed("email", "servers").Post()
    going.post.start()
    going.ends.append(going.post.stop)
    await going.choose("email", address="complaints@firm.example", smtp_host="127.0.0.1", smtp_port=going.post.port,
                       smtp_tls="plain", smtp_login="none")  # fmt: skip
    mail = (
        f'From: "{NAME}" <{EMAIL}>\r\nTo: complaints@firm.example\r\nSubject: The {SAID["mail"]}\r\n'
        f"Date: Mon, 23 Nov 2026 10:11:58 +0100\r\nMessage-ID: <canary-1@zintefuld.example>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        f"The {SAID['mail'][:4]}=\r\n{SAID['mail'][4:]} was taken.=0A{PHONE}\r\n"
    )
    raw = RawReceipt(channel="email", key="canary-mail", content_type="message/rfc822", body=mail.encode())
    await enqueue_job("intake.resume", {"raw": str((await intake.receive(raw)).id)})
    await going.desk.work()


async def _phone(going: Going) -> None:
    told = borrowed("phone", "conftest")
    await told.choose(
        recording_basis="consent", recording_notice="This call is recorded.", recording_days=30, hook_scheme="stamped",
        hook_secret=told.SECRET, country="GB",
    )  # fmt: skip
    calls = told.Calls(going.desk, await going.desk.signed_in("agent"))
    await calls.filed(number=PHONE, name=NAME, email=EMAIL, postcode=POSTCODE, matter=f"The {SAID['call']} again.",
                      system_call="C-1")  # fmt: skip
    assert (await calls.hook(calls.recording("C-1", number=PHONE))).status_code == 204
    assert (await calls.hook(calls.recording("C-without-case", number="+447700900461"))).status_code == 204
    assert (await calls.hook(calls.recording("C-forged", number=PHONE), secret="of somebody else")).status_code == 204
    begun = await calls.begin(PHONE)
    await calls.type(begun, "check", name=NAME, matter=f"Still talking of {SAID['unfinished call']}.")
    await going.desk.work()


def _letter_forms(html: str) -> list[dict[str, str]]:
    found = []
    for action, body in re.findall(r'<form class="both__side"[^>]* action="([^"]+)">(.*?)</form>', html, re.S):
        values = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', body))
        text = re.search(r"<textarea [^>]*>\n?(.*?)</textarea>", body, re.S)
        values.pop("_csrf", None)
        found.append({"action": action, **values, "text": text[1].strip() if text else ""})
    return found


async def _scanned(going: Going, leader: Browser, *lines: str) -> str:
    home = "/p/letters/scans"
    sent = {"scan": (f"{NAME}.pdf", pdf(*lines), "application/pdf")}
    page = str((await leader.submit(home, {"on": "2026-01-05"}, files=sent)).headers["location"])
    await going.desk.work()
    return page


async def _letters(going: Going) -> None:
    await going.choose("letters", firm_name="Modra Bank", firm_lines="12 Harbour Street\nLondon",
                       return_address="Modra Bank, 12 Harbour Street", footer="Modra Bank plc.")  # fmt: skip
    leader = await going.desk.signed_in("leader")
    page = await _scanned(going, leader, NAME, POSTCODE, EMAIL, PHONE, f"I write of {SAID['scan']}.")
    form = _letter_forms((await leader.get(page)).text)[0]
    given = {"sender": NAME, "email": EMAIL, "phone": PHONE, "postcode": POSTCODE, "step": "take"}
    await leader.submit(form.pop("action"), {**form, **given}, page=page)
    await going.desk.work()
    await _scanned(going, leader, NAME, EMAIL, f"I wait with {SAID['open scan']}.")
    assert await db.fetchval("SELECT count(*) FROM letters_incoming WHERE state = 'open'") == 1


async def _csv_import(going: Going) -> None:
    pages = borrowed("csv-import", "test_pages")
    leader = await going.desk.signed_in("leader")
    row = f"id,name,email,phone,postcode,text\n1,{NAME},{EMAIL},{PHONE},{POSTCODE},The {SAID['CSV row']} fee.\n"
    page = (await pages.upload(leader, row.encode(), f"{NAME}.csv")).headers["location"]
    await pages.mapped(leader, page, "preview")
    assert (await pages.mapped(leader, page, "start")).status_code == 303
    await going.desk.work()


async def _portal(going: Going) -> None:
    """By the link of a message, with a proof for the file."""
    filed = await going.desk.file("Another matter.", name=NAME, email=EMAIL, phone=PHONE, postcode=POSTCODE)
    customer, home = going.desk.browser(), f"/p/portal/{filed.track_url.rsplit('/', 1)[-1]}"
    key = re.findall(r'name="key" value="([^"]+)"', (await customer.get(home)).text)[0]
    said = {"text": f"The {SAID['portal']} is still blocked.", "key": key}
    assert (await customer.submit(f"{home}/say", said, page=home)).status_code == 303
    proof = {"question": "postcode", "answer": POSTCODE, "to": "documents"}
    proved = await customer.submit(f"{home}/prove", proof, page=home)
    assert proved.status_code == 303
    place = str(proved.headers["location"])
    form = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', (await customer.get(place)).text))
    form.pop("_csrf", None)
    files = {"documents": ("proof.txt", SAID["portal file"].encode(), "text/plain")}
    added = await customer.submit(f"{home}/documents", form, page=place, files=files)
    assert added.status_code == 303, added.text[-500:]


async def _crm(going: Going, slug: str) -> None:
    """The panel beside the case has them looked up."""
    case = await going.case_by("webform")
    agent = await going.desk.signed_in("agent")
    await agent.get(f"/cases/{case['reference']}/crm/{slug}", headers={"hx-request": "true"})
    await going.desk.work()


async def _crm_csv(going: Going) -> None:
    row = f"Customer no,Name,E-mail,Phone,Post code,Product\nK-1,{NAME},{EMAIL},,,{OF_HER['customer file']}\n"
    await borrowed("crm-csv", "test_pages")._taken(going.desk, row.encode())
    await _crm(going, "crm-csv")


async def _salesforce(going: Going) -> None:
    served, typed = borrowed("salesforce", "conftest"), borrowed("salesforce", "test_desk")._typed
    fake = served.Salesforce()
    fake.contacts = [{**served.HELENA, "Name": NAME, "Email": EMAIL, "MailingStreet": OF_HER["customer system"]}]
    server = ThreadingHTTPServer(("127.0.0.1", 0), served._handler(fake))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.address = f"http://127.0.0.1:{server.server_port}"
    going.ends += [server.shutdown, server.server_close]
    adam = await going.desk.signed_in("administrator")
    saved = await adam.submit("/settings/p-salesforce", typed(fake), page="/settings/p-salesforce")
    assert saved.status_code == 303
    await _crm(going, "salesforce")


async def _ombudsman_file(going: Going) -> None:
    file = borrowed("ombudsman-file", "test_file")
    leader, reference = await going.desk.signed_in("leader"), (await going.case_by("webform"))["reference"]
    html = await file._preview(leader, reference)
    await file._made(leader, going.desk, reference, html, file._ticks(html))


def _rights(slug: str) -> Way:
    """By its public form, where it has one; staff say afterwards that it is she who asks."""

    async def ask(going: Going) -> None:
        if not plugins.discover()[slug].manifest.doors:
            return
        form, home = going.desk.browser(), f"/p/{slug}/"
        law = slug if slug == "gdpr" else (await _first_law(form, home))
        page = f"{home}?law={law}"
        rights = re.findall(r'name="right"[^>]*value="([^"]+)"', (await form.get(page)).text)
        typed = {"law": law, "right": rights[0], "name": NAME, "email": EMAIL, "who": "me", "key": f"canary-{slug}",
                 "words": f"What do you keep of {NAME}?"}  # fmt: skip
        assert (await form.submit(home, typed, page=page)).status_code == 303

    return ask


async def _first_law(form: Browser, home: str) -> str:
    return re.findall(r"[?&]law=([\w.-]+)", (await form.get(home)).text)[0]


async def _cfpb(going: Going) -> None:
    await going.choose(
        "cfpb", applies="always", name_column="Consumer", email_column="E-mail", phone_column="Phone"
    )  # fmt: skip
    head = "Complaint ID,Date sent to company,Issue,Consumer complaint narrative,ZIP code,Consumer,E-mail,Phone"
    row = f"zintefuld7,2026-03-02,Fees,The fee again.,{POSTCODE},{NAME},{EMAIL},{PHONE}"
    leader, home = await going.desk.signed_in("leader"), "/p/cfpb/imports"
    sent = {"file": ("portal.csv", f"{head}\n{row}\n".encode(), "text/csv")}
    assert (await leader.submit(home, {"unit": "main"}, page=home, files=sent)).status_code == 303
    await going.desk.work()


async def _pl_complaints(going: Going) -> None:
    """An extension of the time, told with reasons in words."""
    await db.execute("UPDATE core_unit SET country = 'PL' WHERE key = 'main'")
    filed = await going.desk.file("The fee again.", name=NAME, email=EMAIL, phone=PHONE)
    day, page = now().date(), f"/p/pl-complaints/cases/{filed.reference}/extend"
    told = {"cause": f"The bank of {NAME} did not answer.", "circumstances": "Who ordered the transfer.",
            "until": (day + timedelta(days=45)).isoformat(), "told_on": day.isoformat()}  # fmt: skip
    agent = await going.desk.signed_in("agent")
    answer = await agent.submit(page, told, page=page)
    assert answer.status_code == 303, answer.text[-800:]
    await db.execute("UPDATE core_unit SET country = '' WHERE key = 'main'")


async def _fca(going: Going) -> None:
    """The market's figures, which hold nothing of anybody."""
    officer, home = await going.desk.signed_in("compliance"), "/p/fca/market"
    sheets = ["Opened", "Closed", "Closed within 3 days", "After 3 days within 8 weeks", "Upheld"]
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    sent = {"file": ("2022-h1.xlsx", borrowed("fca", "conftest").made(sheets), kind)}
    assert (await officer.submit(home, {}, page=home, files=sent)).status_code == 303


PATHS: dict[str, Way] = {
    "webform": _webform, "email": _email, "phone": _phone, "letters": _letters, "csv-import": _csv_import,
    "portal": _portal, "crm-csv": _crm_csv, "salesforce": _salesforce, "gdpr": _rights("gdpr"),
    "ccpa": _rights("ccpa"), "cfpb": _cfpb, "pl-complaints": _pl_complaints, "fca": _fca,
    "ombudsman-file": _ombudsman_file,
}  # fmt: skip
"""In this order: what comes later looks at cases that came in before. Only those are gone that are installed."""
HOLD = {"cfpb": "cfpb_complaint", "pl-complaints": "pl_complaints_case"}
"""Tables in which she must be found before, where the plugin is installed."""


async def worked_on(going: Going) -> None:
    """What staff do with her case beside: answers by mail, letter and page, a note, drafts, an address, her needs."""
    desk, leader = going.desk, await going.desk.viewer("leader")
    case = await going.case_by("webform")
    await db.execute("UPDATE core_person SET address = $2 WHERE name = $1", NAME, f"{ADDRESS}\n{POSTCODE}")
    for channel, words in (("email", OF_HER["reply"]), ("letter", OF_HER["letter"]), ("page", "We look into it.")):
        await writing.write(leader, case["id"], Wanted(f"Dear {NAME}, {words}.", channel=channel, at_once=True))
    await desk.work()
    beside = Document(name="note.txt", content_type="text/plain", data=f"Call {PHONE}".encode())
    await messages.write(leader, case["id"], "note", f"{NAME} sounds like {OF_HER['note']}.", documents=(beside,))
    agent, path = await desk.signed_in("agent"), f"/cases/{case['reference']}"
    page = (await agent.get(path)).text
    part = page[page.index(f'action="{path}/messages"') :].partition("</form>")[0]
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', part))
    kept = await agent.http.post(
        f"{path}/draft", data={**form, "kind": "reply", "text": f"Not sent: {OF_HER['draft']}"}
    )
    assert kept.status_code == 200, kept.text[-400:]
    # Work that waits and work that ended, with her in it.
    await enqueue_job("canary.never", {"payload": {"email": EMAIL}}, key="canary")
    await db.execute(
        "UPDATE core_delivery SET state = 'parked', error = $1 WHERE event::text LIKE '%canary.never%'", NAME
    )


async def people_of_her() -> list[UUID]:
    rows = await db.fetch(
        "SELECT id FROM core_person WHERE name = $1 OR lower(email) = $2 OR phone LIKE '%900461' ORDER BY id",
        NAME, EMAIL,
    )  # fmt: skip
    return [row["id"] for row in rows]
