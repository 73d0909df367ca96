"""For each check of the kit a plugin that breaks it: one that `ombud plugin new` writes, with one thing spoilt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ombud_plugin_api import deprecation

Change = tuple[str, str, str]  # file below the project, what stands there, what is put in its place


@dataclass(frozen=True)
class Bad:
    """`kind` of the scaffold, changes of its files (an empty old text appends), and the words by which it is caught."""

    kind: str
    changes: tuple[Change, ...]
    caught: str
    also: Callable[[Path, str], None] = field(default=lambda project, package: None)


PLUGIN, PAGES = "PACKAGE/plugin.py", "PACKAGE/pages.py"

_ALWAYS_ON = """
import sys

_door = sys.modules["ombud.web.plugin_pages"].PluginPages
_real = _door._app


async def _always(self, slug):
    try:
        return await _real(self, slug)
    except Exception:
        if slug != "SLUG":
            raise
        from litestar import Litestar

        return Litestar([home])


_door._app = _always
"""
_UNLIMITED = """
import sys

_pages = sys.modules["ombud.web.plugin_pages"]


async def _unlimited(slug, function, *args, **about):
    return await function(*args)


_pages.call = _unlimited
"""
_CRM = """

from ombud_plugin_api import Crm


async def find(hints, context):
    return 7


async def history(match, context):
    return []


@hookimpl
def provide_crms():
    return [Crm("SLUG", "Customers", find, history)]
"""
_FUNCTION = """    async def make() -> None:
        await Note.raw("CREATE FUNCTION PREFIXleft() RETURNS int LANGUAGE sql AS 'SELECT 1'")

    from PACKAGE.tables import Note

    manager.add_raw(make)
    return manager
"""


def _elsewhere(project: Path, package: str) -> None:
    folder = project / package / "templates" / "layouts"
    folder.mkdir()
    (folder / "public.html").write_text("mine now")


def _untyped(project: Path, package: str) -> None:
    (project / package / "py.typed").unlink()


def _goes(project: Path, package: str) -> None:
    goes = deprecation.Deprecated("provide_slots.manifest", "0.9", "1.0", "provide_slots without it")
    deprecation.DEPRECATED = (goes,)


def said(text: str, slug: str, project: Path) -> str:
    plain = slug.replace("-", "_")
    names = {
        "MIGRATION": f"{plain}_*.py", "PACKAGE": f"ombud_{plain}", "PREFIX": f"{plain}_", "SLUG": slug,
        "NAME": slug.replace("-", " ").capitalize(),
    }  # fmt: skip
    for word, value in names.items():
        text = text.replace(word, value)
    return text


BAD: dict[str, Bad] = {
    "basic-01": Bad("slots", (("PACKAGE/plugin.toml", '">=0.9,<0.10"', '">=0.9"'),), "no upper end"),
    "basic-02": Bad("slots", (("PACKAGE/plugin.toml", "", 'kinds = ["channel"]\n'),), "no provide_channels"),
    "basic-03": Bad("slots", ((PLUGIN, "", "\nfrom ombud.kernel import database\n"),), "imports ombud.kernel"),
    "basic-04": Bad("tracking", ((PAGES, "", "\nimport urllib.request\n"),), "no reaches"),
    "basic-05": Bad(
        "pages",
        (
            (
                PAGES,
                '    return pages.go(HERE)\n\n\n@get("/notes"',
                "    await Note.raw('SELECT count(*) FROM ' + 'core' + '_case')\n"
                '    return pages.go(HERE)\n\n\n@get("/notes"',
            ),
        ),
        "sends a statement to core_case",
    ),
    "basic-06": Bad("settings", ((PAGES, "", _ALWAYS_ON),), "while the plugin is off"),
    "basic-10": Bad("pages", (("PACKAGE/plugin.toml", '["text"]', '["texts"]'),), "none of that name"),
    "basic-11": Bad(
        "pages",
        (("PACKAGE/migrations/MIGRATION", "", "\nLATER = 'ALTER TABLE x ADD y uuid REFERENCES core_case (id)'\n"),),
        "foreign key to core's tables",
    ),
    "basic-12": Bad("pages", (("PACKAGE/migrations/MIGRATION", "    return manager\n", _FUNCTION),), "still function"),
    "basic-13": Bad(
        "pages",
        (("PACKAGE/plugin.toml", 'person = "case_id"\nperson_via = "case"\n', ""),),
        "without a way to the person",
    ),
    "basic-14": Bad(
        "pages",
        (
            (
                "PACKAGE/plugin.toml",
                'personal = ["text"]\nerase = "delete"',
                'personal = ["reference"]\nerase = "blank"',
            ),
        ),
        "the canary sings in PREFIXnote.text",
    ),
    "basic-20": Bad("settings", ((PAGES, '@get("/", opt={"public": True})', '@get("/")'),), "names no permission"),
    "basic-21": Bad(
        "pages",
        ((PAGES, '@post("/notes", opt=OPT', '@post("/notes", opt={"public": True}'),),
        "its page needs",
    ),
    "basic-22": Bad("settings", ((PAGES, '["words"]', '["wodrs"]'),), "answers 500"),
    "basic-23": Bad("settings", (), "lies outside SLUG/", _elsewhere),
    "basic-24": Bad(
        "pages",
        ((PLUGIN, "return [Permission(", "return [Permission('SLUG.idle', 'Do nothing at all'), Permission("),),
        "nothing asks for the permission SLUG.idle",
    ),
    "basic-25": Bad("pages", ((PLUGIN, 'pages.HERE, "notes"', '"nowhere", "notes"'),), "no page of the plugin"),
    "basic-30": Bad("settings", (("PACKAGE/chosen.py", '"Words on the page"', '"words"'),), "say in words what it is"),
    "basic-31": Bad(
        "settings",
        ((PAGES, 'context.settings["words"]', 'context.settings["token"] or ""'),),
        "the secret token stands in",
    ),
    "basic-40": Bad("channel", (("PACKAGE/channel.py", 'label = "NAME"', 'label = ""'),), "has the label ''"),
    "basic-41": Bad(
        "channel",
        (("PACKAGE/channel.py", "(ValueError, KeyError, TypeError, AttributeError, RecursionError)", "KeyError"),),
        "answers b''",
    ),
    "basic-42": Bad(
        "channel",
        (("PACKAGE/channel.py", "Matter(text=text)", "Matter(text=text + str(__import__('uuid').uuid4()))"),),
        "two different complaints",
    ),
    "basic-50": Bad(
        "slots",
        (("PACKAGE/beside.py", '"matters": len(case.aspects), ', ""),),
        "its part of case.side fails",
    ),
    "basic-60": Bad("jobs", ((PLUGIN, "limit_seconds=600", "limit_seconds=9e9"),), "may run for"),
    "basic-70": Bad("commands", ((PLUGIN, 'Command("SLUG"', 'Command("ledger"'),), "a group of core's"),
    "basic-80": Bad("tracking", ((PAGES, "status=status, ", ""),), "never given answers 200"),
    "basic-90": Bad(
        "slots", ((PLUGIN, "", _CRM.replace("async def find", "def find")),), "find of SLUG is not asynchronous"
    ),
    "basic-91": Bad("slots", ((PLUGIN, "", _CRM),), "SLUG gave an answer that is not as promised"),
    "sound-01": Bad(
        "channel", ((PAGES, "receipt(key, **typed)", "receipt(secrets.token_hex(8), **typed)"),), "makes 2 cases"
    ),
    "sound-02": Bad(
        "channel",
        (
            (
                PAGES,
                "    except TooMany as refusal:",
                "    except Exception as gone:\n        return pages.go('')\n    except TooMany as refusal:",
            ),
        ),
        "the complaint is lost",
    ),
    "sound-03": Bad(
        "settings",
        (
            (
                PAGES,
                "    return await",
                "    if 'ombud_kit_saboteur.plugin' in __import__('sys').modules:\n        raise OSError\n"
                "    return await",
            ),
        ),
        "GET /p/SLUG/ answers 500",
    ),
    "sound-04": Bad("slots", ((PLUGIN, "", _UNLIMITED),), "where everything it provides raises"),
    "sound-05": Bad(
        "settings",
        ((PAGES, "    return await", "    __import__('time').sleep(1.8)\n    return await"),),
        "held everything else up",
    ),
    "sound-10": Bad(
        "events",
        (("PACKAGE/hearing.py", "event=event.id", "event=__import__('secrets').token_hex(8)"),),
        "changes what it keeps",
    ),
    "sound-11": Bad(
        "events",
        (
            (
                PLUGIN,
                "    await hearing.hear(event)",
                "    try:\n        await platform.settings()\n    except Exception:\n        pass\n"
                "    await hearing.hear(event)",
            ),
        ),
        "goes on as if nothing had happened",
    ),
    "sound-20": Bad(
        "jobs",
        (("PACKAGE/counting.py", "Count(key=key", "Count(key=__import__('secrets').token_hex(8)"),),
        "changes what it did",
    ),
    "sound-30": Bad(
        "importer", (("PACKAGE/rows.py", 'key=row["id"]', 'key=__import__("secrets").token_hex(8)'),), "makes 2 cases"
    ),
    "exemplary-01": Bad("slots", (), "no py.typed", _untyped),
    "exemplary-02": Bad("slots", (("PACKAGE/texts/pl.toml", 'decided = "Rozstrzygnięte"\n', ""),), "beside.decided"),
    "exemplary-03": Bad("settings", (("PACKAGE/templates/SLUG/words.html", "<h1>", "<input><h1>"),), "must have"),
    "exemplary-04": Bad("slots", (("CHANGES.md", "", "\n## 0.0.9\n\nBefore.\n"),), "tests/releases holds none"),
    "exemplary-05": Bad("slots", (), "provide_slots.manifest is deprecated since 0.9 and goes with 1.0", _goes),
}
