"""How the kit comes in by a plugin's own door: it reads the forms of its pages and fills them in as a person would."""

import mimetypes
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

from ombud_plugin_api.facts import RawReceipt
from ombud_plugin_api.testing.checks import Broken
from ombud_plugin_api.testing.stage import Browser, Marked, Route, Stage
from ombud_plugin_api.testing.subject import Subject

STEPS = 12  # pages a form may have


class Form:
    """A form of a page: where it goes and its controls as they stand."""

    def __init__(self, action: str, main: bool) -> None:
        self.action, self.main = action, main
        self.controls: list[dict[str, Any]] = []
        self.buttons: list[dict[str, str]] = []

    @property
    def asks(self) -> bool:
        """Whether somebody who walks on would send it: it asks for something, or its button is the page's main one."""
        visible = any(each.get("type") != "hidden" for each in self.controls)
        return visible or any("main" in each.get("class", "") for each in self.buttons)

    @property
    def mark(self) -> str:
        """What tells a form from another: where it goes, what it asks and how its button is called."""
        return repr(
            (self.action, [each["name"] for each in self.controls], [each.get("value") for each in self.buttons])
        )

    def filled(self, person: Marked, reference: str = "") -> dict[str, Any]:
        """What a browser would send when this person filled it in and pressed its main button."""
        data: dict[str, Any] = {}
        areas = [each for each in self.controls if each.get("type") == "textarea"]
        if len(areas) == 1:
            areas[0]["alone"] = True
        for control in self.controls:
            value = _answer(control, person, reference)
            if value is not None:
                data.setdefault(control["name"], value)
        main = sorted(self.buttons, key=lambda each: "main" not in each.get("class", ""))
        if main and main[0].get("name"):
            data[main[0]["name"]] = main[0].get("value", "")
        return data

    def uploads(self, person: Marked) -> dict[str, Any] | None:
        """A small file for each file control that must have one or stands alone."""
        files = {}
        visible = [each for each in self.controls if each.get("type") not in {"hidden", "file"}]
        for control in self.controls:
            if control.get("type") == "file" and ("required" in control or not visible):
                name = "complaints.csv" if "csv" in control.get("accept", "csv") else "document.txt"
                files[control["name"]] = (name, table_of(person), "text/csv" if name.endswith("csv") else "text/plain")
        return files or None


def table_of(person: Marked) -> bytes:
    """The person's complaint as a table with one row."""
    return (
        f"id,name,email,phone,postcode,text\n{person.mark},{person.name},{person.email},{person.phone},"
        f'{person.postcode},"{person.text}"\n'
    ).encode()


WORDS = ("text", "matter", "message", "complaint", "story", "describ", "narrative", "comment", "what", "letter")
NAMES = {"text", "message", "complaint", "matter", "title", "subject", "summary"}
TYPED = {"text", "email", "tel", "textarea"}


def _answer(control: Mapping[str, Any], person: Marked, reference: str) -> Any:
    """What stands in a control already stays; else what its name asks for; None for what a browser would not send."""
    kind, standing = control.get("type", "text"), control.get("value", "")
    if kind in {"file", "submit", "button", "image", "reset"}:
        return None
    if kind == "checkbox":
        return control.get("value", "on") if "required" in control or "checked" in control else None
    if kind == "radio":
        return control.get("value", "on")
    if kind not in TYPED or control["tag"] == "select" or standing:
        return standing
    name = f"{control.get('name', '')} {control.get('autocomplete', '')}".lower()
    for word, value in (
        ("mail", person.email), ("phone", person.phone), ("tel", person.phone), ("post", person.postcode),
        ("zip", person.postcode), ("name", person.name), ("reference", reference),
    ):  # fmt: skip
        if word in name:
            return value
    words = WORDS if kind == "textarea" else ()
    return person.text if control.get("alone") or any(word in name for word in words) or name.strip() in NAMES else ""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open: Form | None = None
        self._in_main = False
        self._select: dict[str, Any] | None = None
        self._area: dict[str, Any] | None = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area["value"] += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "main":
            self._in_main = True
        if tag == "form" and given.get("method", "get").lower() == "post":
            self._open = Form(given.get("action", ""), self._in_main)
            self.found.append(self._open)
        if self._open is None:
            return
        if tag == "input" and given.get("name"):
            self._open.controls.append({**given, "tag": tag})
        elif tag == "textarea" and given.get("name"):
            self._area = {**given, "tag": tag, "type": "textarea", "value": ""}
            self._open.controls.append(self._area)
        elif tag == "select" and given.get("name"):
            self._select = {**given, "tag": tag, "value": ""}
            self._open.controls.append(self._select)
        elif tag == "option" and self._select is not None:
            first = not self._select.get("chosen") or ("required" in self._select and not self._select["value"])
            if "selected" in given or first:
                self._select["value"], self._select["chosen"] = given.get("value", ""), True
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._open.buttons.append(given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._in_main = False
        elif tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._area is not None:
            self._area["value"] = self._area["value"].strip()
            self._area = None


def forms_of(html: str, slug: str, here: str) -> list[Form]:
    """The forms of a page that lead to the plugin, those within its main part first."""
    reader = _Forms()
    reader.feed(html)
    ours = [each for each in reader.found if (each.action or here).startswith(f"/p/{slug}") and each.asks]
    return sorted(ours, key=lambda each: (not each.main, -len(each.controls)))


def takes_complaints(plugin: Subject) -> bool:
    """Whether complaints come in by this plugin; the forms of others are filled in too, but may refuse."""
    return bool({"channel", "importer"} & set(plugin.kinds)) or "file" in plugin.manifest.doors


async def through_pages(stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
    """Walks the plugin's forms from its public door, or from the pages its staff may open. False without a form."""
    if not plugin.implements("provide_pages"):
        return False
    door, ours, reference = plugin.manifest.doors.get("file"), takes_complaints(plugin), ""
    starts = [Route("GET", f"/{door.lstrip('/')}", "", True)] if door is not None else []
    starts += [each for each in stage.routes() if each.method == "GET" and "{" not in each.path and each not in starts]
    if not ours:
        reference = (await stage.file(person)).reference
    for route in starts:
        role = await stage.may(route.permission) if route.permission else ""
        browser = await stage.signed_in(role) if role else stage.browser()
        try:
            walked = await _walk(browser, plugin.slug, f"/p/{plugin.slug}{route.path}", person, reference, twice)
        except Broken:
            if ours:
                raise
            walked = True
        if walked:
            return True
    return False


async def _walk(browser: Browser, slug: str, path: str, person: Marked, reference: str, twice: bool) -> bool:
    answer, sent, met = await browser.get(path), False, set[str]()
    for _ in range(STEPS):
        here = str(getattr(answer.url, "path", answer.url))
        found = forms_of(answer.text, slug, here) if answer.status_code == 200 else []
        if not found or (sent and found[0].mark in met):
            return sent
        form = found[0]
        met.add(form.mark)
        for _again in range(2 if twice else 1):
            answer = await browser.post(form.action or here, form.filled(person, reference), form.uploads(person))
        sent = True
        if answer.status_code >= 400:
            raise Broken(f"the form at {here}, filled in as a person would, was answered with {answer.status_code}")
    return sent


Receipt = Callable[[Subject, str, Marked], RawReceipt | None]


async def through_channels(
    stage: Stage, plugin: Subject, person: Marked, receipt: Receipt, twice: bool = False
) -> bool:
    """Sends the sample of each channel that has one; raises `Broken` where it is not taken."""
    taken = False
    for channel in stage.provided.channels:
        raw = receipt(plugin, channel.key, person)
        if raw is None:
            continue
        got = await stage.receive(raw)
        if twice:
            got = await stage.receive(raw)
        if got.status != "done":
            raise Broken(f"the channel {channel.key} did not take its own sample: {got.reason}")
        taken = True
    return taken


def sample_receipt(plugin: Subject, channel: str, person: Marked) -> RawReceipt | None:
    """The first sample for a channel with the person's words in it."""
    for path in plugin.samples(channel)[:1]:
        text = path.read_text("utf-8")
        for name in ("name", "email", "phone", "postcode", "text"):
            text = text.replace(f"{{{name}}}", getattr(person, name))
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return RawReceipt(channel=channel, key=person.mark, content_type=kind, body=text.encode())
    return None


__all__ = ["Form", "forms_of", "sample_receipt", "table_of", "through_channels", "through_pages"]
