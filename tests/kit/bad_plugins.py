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


def _folder_at_hand(project: Path, package: str) -> None:
    """Without a folder it would say that it is not set up, and send nothing."""
    chosen = project / package / "chosen.py"
    folder = project / "out"
    folder.mkdir()
    chosen.write_text(chosen.read_text().replace('"default": ""', f'"default": "{folder}"'))


_RECORD = """

async def record(case, key, context):
    import secrets

    from ombud_plugin_api import Recorded

    return Recorded(id=secrets.token_hex(4))
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
    "basic-90": Bad("crm", ((PLUGIN, "in_use=asking.in_use", "fresh_for=9e9"),), "is fresh for"),
    "basic-95": Bad("deliverer", ((PLUGIN, '"folder", "email"', '"folder", "pigeon"'),), "needs 'pigeon'"),
    "basic-96": Bad(
        "deliverer",
        (("PACKAGE/handing.py", "    path = _place(key, context)\n    head", "    return {'sent': True}\n    head"),),
        "a Receipt is asked for",
    ),
    "sound-46": Bad(
        "deliverer",
        (("PACKAGE/handing.py", 'f"{re.sub(', "f\"{__import__('secrets').token_hex(4)}{re.sub("),),
        "under the same key",
        also=_folder_at_hand,
    ),
    "basic-91": Bad(
        "crm",
        (("PACKAGE/asking.py", "    moment = datetime.now(UTC)\n    return [", "    return [{'name': 'Ann'}] or ["),),
        "a list of PersonMatch is asked for",
    ),
    "basic-43": Bad(
        "polling",
        (("PACKAGE/fetching.py", "limit_seconds = 300.0", "limit_seconds = 86400.0"),),
        "may take 86400.0 seconds",
    ),
    "basic-44": Bad(
        "polling",
        (("PACKAGE/fetching.py", "            return\n", '            raise ValueError("no folder")\n'),),
        "raises ValueError: no folder",
    ),
    "sound-41": Bad(
        "polling",
        (
            ("PACKAGE/fetching.py", "            await asyncio.to_thread(path.unlink, missing_ok=True)\n", ""),
            (
                "PACKAGE/fetching.py",
                "            key = hashlib",
                "            await asyncio.to_thread(path.unlink, missing_ok=True)\n            key = hashlib",
            ),
        ),
        "which core could not take at first, is lost",
    ),
    "basic-85": Bad("sentiment", (("PACKAGE/scoring.py", '("en",)', '("English",)'),), "reads the language 'English'"),
    "basic-86": Bad(
        "sentiment",
        (("PACKAGE/scoring.py", 'mood = "angry"', 'mood = "furious"'),),
        "the mood 'furious', which is none",
    ),
    "basic-87": Bad(
        "sentiment",
        (("PACKAGE/scoring.py", 'reason="Written', 'reason=words.text[:60] + "Written'),),
        "repeats what was",
    ),
    "basic-77": Bad(
        "rights", (("PACKAGE/law.py", '"the article that says so"', '" "'),), "lacks its source or provenance"
    ),
    "basic-78": Bad(
        "personal",
        (
            (
                "PACKAGE/notes.py",
                "    paths = _paths(person, context)\n    return [",
                '    paths = _paths(person, context)\n    return [{"note": "all"}] + [',
            ),
        ),
        "gives 1 things of a person it does not know",
    ),
    "basic-75": Bad("router", ((PLUGIN, '"1"', '" "'),), "lacks a label or a version"),
    "basic-76": Bad(
        "router",
        (("PACKAGE/proposing.py", "choice=each.id", 'choice="somebody"'),),
        "proposes 'somebody', which it was not offered",
    ),
    "sound-50": Bad(
        "router",
        (("PACKAGE/proposing.py", "    people =", "    __import__('time').sleep(len(choices) / 400)\n    people ="),),
        "seconds over 1000 choices",
    ),
    "sound-45": Bad(
        "sentiment",
        (
            (
                "PACKAGE/scoring.py",
                "    shouted =",
                "    __import__('time').sleep(len(words.text) / 36_000)\n    shouted =",
            ),
        ),
        "seconds over",
    ),
    "basic-88": Bad(
        "deadlines",
        (("PACKAGE/calling_back.py", 'met_by="reply", working', 'met_by="reply", days=2, working'),),
        "does not say how long in exactly one way",
    ),
    "sound-47": Bad(
        "deadlines",
        (("PACKAGE/calling_back.py", 'settings.get("hours")', 'settings["hours"]'),),
        "answers with KeyError",
    ),
    "basic-32": Bad(
        "conditions",
        (("PACKAGE/waiting.py", "waited {args['hours']} hours or more", "waited for long"),),
        "by the same words: the customer has waited for long",
    ),
    "basic-33": Bad(
        "conditions",
        (("PACKAGE/waiting.py", "return _waited(facts) >=", "return facts.last_in_at and _waited(facts) >="),),
        "gives None; True or False is asked for",
    ),
    "sound-48": Bad(
        "conditions",
        ((PLUGIN, 'reads=("last_in_at", "last_out_at")', 'reads=("last_in_at",)'),),
        "reads last_out_at and does not name it",
    ),
    "sound-49": Bad(
        "conditions",
        (
            (
                "PACKAGE/waiting.py",
                "    return _waited(facts) >=",
                "    __import__('time').sleep(0.2)\n    return _waited(facts) >=",
            ),
        ),
        "seconds over 0 aspects",
    ),
    "basic-34": Bad("actions", (("PACKAGE/hurrying.py", '"From severity"', '"severity"'),), "say in words what it is"),
    "basic-35": Bad(
        "actions",
        (("PACKAGE/hurrying.py", "[*urgent, AddTag(tag=TAG)] if", "[*urgent, TAG] if"),),
        "which is no change core knows",
    ),
    "sound-51": Bad(
        "actions",
        (("PACKAGE/hurrying.py", "[*urgent, AddTag(tag=TAG)] if", "[*urgent, *[AddTag(tag=TAG)] * 2] if"),),
        "asks for the same change twice",
    ),
    "basic-36": Bad("classifier", ((PLUGIN, '"1"', '" "'),), "lacks a label or a version"),
    "basic-37": Bad(
        "classifier",
        (("PACKAGE/reading.py", '{"category": category.code}', '{"category": category.code.upper()}'),),
        "proposes 'MONEY'; an aspect of a category it was given",
    ),
    "basic-38": Bad(
        "classifier",
        (("PACKAGE/reading.py", 'reason="Its words stand there."', "reason=facts.text[:40]"),),
        "repeats what was written",
    ),
    "sound-52": Bad(
        "classifier",
        (("PACKAGE/reading.py", "    found = []", "    found = []\n    facts.settings['lists']"),),
        "with KeyError",
    ),
    "basic-99": Bad(
        "returns",
        (
            (
                "PACKAGE/reporting.py",
                '"Received in the quarter.", measure=opened',
                '"Received.", entered=True, measure=opened',
            ),
        ),
        "is not exactly one of measured, derived and entered",
    ),
    "sound-59": Bad(
        "returns",
        (("PACKAGE/reporting.py", "    items = (", '    settings["products"]\n    items = ('),),
        "answers with KeyError",
    ),
    "sound-40": Bad(
        "crm",
        ((PLUGIN, "in_use=asking.in_use", "record=asking.record"), ("PACKAGE/asking.py", "", _RECORD)),
        "told again",
    ),
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

ALSO_BAD: dict[str, Bad] = {
    "basic-33 by the clock": Bad(
        "conditions",
        (
            (
                "PACKAGE/waiting.py",
                "    return str(int(",
                "    return str(__import__('time').perf_counter_ns()) or str(int(",
            ),
        ),
        "two different answers",
    ),
    "basic-33 with nothing to go by": Bad(
        "conditions",
        (("PACKAGE/waiting.py", "    if facts.last_in_at is None or answered:", "    if answered:"),),
        "answers a case with TypeError",
    ),
    "sound-48 a fact there is not": Bad(
        "conditions", ((PLUGIN, '"last_out_at")', '"last_out_at", "weather")'),), "no case has such a fact"
    ),
    "basic-35 of another case": Bad(
        "actions", (("PACKAGE/hurrying.py", "aspect=each.id", "aspect=each.id + 'x'"),), "that the case does not have"
    ),
    "basic-35 by chance": Bad(
        "actions",
        (
            ("PACKAGE/hurrying.py", 'TAG = "hurried"', 'TAG = "hurried"\nTAGS = __import__("itertools").count()'),
            ("PACKAGE/hurrying.py", "AddTag(tag=TAG)", 'AddTag(tag=f"{TAG}{next(TAGS)}")'),
        ),
        "two different things for one case",
    ),
    "basic-37 an outcome": Bad(
        "classifier",
        (("PACKAGE/reading.py", '{"category": category.code}', '{"category": category.code, "outcome": "upheld"}'),),
        "says outcome of a matter",
    ),
    "basic-37 outside the text": Bad(
        "classifier",
        (("PACKAGE/reading.py", "tuple(each.span() for", "tuple((each.start(), 10**6) for"),),
        "points outside",
    ),
    "sound-52 a huge text": Bad(
        "classifier",
        (
            (
                "PACKAGE/reading.py",
                "    found = []",
                "    found = []\n    __import__('time').sleep(len(facts.text) / 36_000)",
            ),
        ),
        "seconds over",
    ),
    "basic-01 another version": Bad(
        "slots", (("PACKAGE/plugin.toml", 'version = "0.1.0"', 'version = "0.3.0"'),), "plugin.toml says version 0.3.0"
    ),
    "basic-02 a door to nowhere": Bad(
        "slots", (("PACKAGE/plugin.toml", "", '[doors]\nfile = ""\n'),), "no provide_pages"
    ),
    "basic-03 a library it does not declare": Bad(
        "slots", ((PLUGIN, "", "\nimport cerberus\n"),), "pyproject.toml does not declare"
    ),
    "basic-03 another plugin": Bad("slots", ((PLUGIN, "", "\nimport ombud_webform\n"),), "is not the plugin API"),
    "basic-04 a host it does not name": Bad(
        "settings",
        (
            ("PACKAGE/plugin.toml", "", 'reaches = ["api.example.org"]\n'),
            (
                PAGES,
                "    return await",
                "    import contextlib\n    import socket\n\n    with contextlib.suppress(OSError):\n"
                "        socket.create_connection(('localhost', 9), 0.1)\n    return await",
            ),
        ),
        "connects to localhost",
    ),
    "basic-05 in its source": Bad(
        "slots",
        (("PACKAGE/beside.py", "    decided =", "    print('SELECT reference FROM core_case')\n    decided ="),),
        "names core's table core_case",
    ),
    "basic-05 by a driver": Bad("slots", ((PLUGIN, "", "\nimport asyncpg\n"),), "go through its Piccolo tables"),
    "basic-14 in a file": Bad(
        "pages",
        ((PAGES, "    note = Note(", '    await platform.keep_file(typed["text"].encode())\n    note = Note('),),
        "it keeps in the vault",
    ),
    "basic-44 without end": Bad(
        "polling",
        (("PACKAGE/fetching.py", "            return\n", "            await asyncio.sleep(3600)\n"),),
        "does not end within 10 s",
    ),
    "sound-41 doubled": Bad(
        "polling",
        (
            ("PACKAGE/fetching.py", "            await asyncio.to_thread(path.unlink, missing_ok=True)\n", ""),
            ("PACKAGE/fetching.py", "hashlib.sha256(body).hexdigest()", "__import__('secrets').token_hex(8)"),
            ("PACKAGE/fetching.py", 'Thread(id=str(said.get("id", "")))', "Thread()"),
        ),
        "messages of one",
    ),
    "basic-86 not the same twice": Bad(
        "sentiment",
        (("PACKAGE/scoring.py", "str(round(-share, 2))", "str(-__import__('time').perf_counter_ns() % 9999 / 9999)"),),
        "two different answers",
    ),
    "basic-76 not the same twice": Bad(
        "router",
        (
            (
                "PACKAGE/proposing.py",
                "score=BEST / (1 + each.load)",
                "score=__import__('time').perf_counter_ns() % 9999 / 9999",
            ),
        ),
        "two different answers",
    ),
    "basic-76 a score beyond one": Bad(
        "router", (("PACKAGE/proposing.py", "BEST = 0.8", "BEST = 8"),), "gives the score 2.0"
    ),
    "basic-86 outside the text": Bad(
        "sentiment", (("PACKAGE/scoring.py", "each.span() for", "(each.start(), 10**6) for"),), "points outside"
    ),
    "basic-88 not the same twice": Bad(
        "deadlines",
        (("PACKAGE/calling_back.py", "timedelta(hours=hours) /", "timedelta(seconds=__import__('time').time()) /"),),
        "two different answers",
    ),
    "basic-99 not the same twice": Bad(
        "returns",
        (
            (
                "PACKAGE/reporting.py",
                "return int(period.holds(case.received_on))",
                "return __import__('time').time_ns()",
            ),
        ),
        "two different figures",
    ),
    "basic-24 a role there is not": Bad(
        "pages", ((PLUGIN, '("agent", "leader")', '("agent", "boss")'),), "goes to boss"
    ),
    "sound-02 lost by a page that says yes": Bad(
        "importer",
        ((PAGES, "(Permanent, Refused) as refusal", "Exception as refusal"),),
        "the complaint is lost",
    ),
    "sound-20 swallows what passes": Bad(
        "jobs",
        (
            (
                "PACKAGE/counting.py",
                "    key, done =",
                "    try:\n        await context.platform.settings()\n    except Exception:\n        pass\n"
                "    key, done =",
            ),
        ),
        "swallows the Transient of platform.settings",
    ),
}
