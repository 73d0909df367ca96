"""Plugins with tables: names, references, migrations, and the canary."""

import json
import re
from collections.abc import Iterable
from typing import Any, ClassVar

from ombud_plugin_api.tables import CORE_TABLES
from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.doors import takes_complaints
from ombud_plugin_api.testing.searching import Search
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject


class TablesContract(Contract):
    """What plugins with tables promise."""

    kind: ClassVar[str] = "tables"
    title: ClassVar[str] = "Plugins with tables"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.has_tables

    @check(
        "basic-10",
        "Every table carries the prefix, stands in the manifest, and so do its columns",
        why="Core collects and erases by the manifest, also when the code is gone. A table it does not know of "
        "keeps what "
        "should be forgotten.",
        example='[[tables]]\nname = "postbox_letter"\nperson = "case_id"\nperson_via = "case"\npersonal = ["sender"]',
        remedy="Declare each table under [[tables]] with the columns that are there, its name beginning with the slug.",
    )
    async def tables_are_declared(self) -> None:
        declared = {each.name: each for each in self.plugin.manifest.tables}
        await self.stage.enable()
        there = set(await self.stage.tables())
        for name in sorted(there ^ set(declared)):
            raise Broken(f"table {name} is {'in the database' if name in there else 'in plugin.toml'} alone")
        for name, table in declared.items():
            columns = await self.stage.columns(name)
            for column in [*table.personal, *table.files, *([table.person] if table.person else [])]:
                if column not in columns:
                    raise Broken(f"plugin.toml names the column {column} of {name}, which has none of that name")

    @check(
        "basic-11",
        "Its tables refer to core by CoreRef",
        why="A Piccolo ForeignKey hands the plugin core's row to read and to save. A CoreRef is an id, to which "
        "core adds the "
        "constraint and the index.",
        example='case_id = CoreRef("case")',
        remedy="Use ombud_plugin_api.CoreRef; drop foreign keys to core from tables and migrations.",
    )
    async def core_is_referred_to_by_core_ref(self) -> None:
        for source in self.plugin.sources:
            for match in re.finditer(r"LazyTableReference\([^)]*core|REFERENCES\s+\"?core_", source.text):
                line = source.text.count("\n", 0, match.start()) + 1
                raise Broken(f"{source.path}:{line} makes a foreign key to core's tables by itself")

    @check(
        "basic-12",
        "Its migrations go forward, back and forward and leave nothing behind",
        why="An uninstall that leaves a table, an index or a function breaks the next install, or keeps what "
        "should be gone.",
        example="manager.add_table(…)                       # Piccolo takes it back by itself\n"
        "manager.add_raw_backwards(drop_function)   # what raw SQL made is dropped by raw SQL",
        remedy="Give each raw step its backwards step; name what you make with the plugin's prefix.",
    )
    async def migrations_leave_nothing(self) -> None:
        await self.stage.enable()
        made = await self.stage.schema()
        await self.stage.take_back()
        bare = await self.stage.schema()
        mine = sorted(each for each in bare if self.plugin.prefix in each)
        if mine:
            raise Broken(f"after going back there is still {', '.join(mine[:5])}")
        await self.stage.enable()
        again = await self.stage.schema()
        if again != made:
            raise Broken(f"going forward again made something else: {', '.join(sorted(again ^ made)[:5])}")
        await self.stage.take_back()
        left = await self.stage.schema() - bare
        await self.stage.enable()
        if left:
            raise Broken(f"the second way back left {', '.join(sorted(left)[:5])}")

    @check(
        "basic-13",
        "Where something personal is kept, the manifest says how it leads to the person or when it goes",
        why="Without a path core cannot find a person's rows; then they must at least go by themselves, and the "
        "manifest must "
        "say when.",
        example='[[tables]]\nname = "postbox_draft"\npersonal = ["body"]\nuntil = "sent, or untouched for 30 days"',
        remedy="Give the table person and person_via, or say under until when its rows go.",
    )
    async def personal_data_has_a_path(self) -> None:
        names = {each.name for each in self.plugin.manifest.tables}
        for table in self.plugin.manifest.tables:
            if table.personal and not table.person and not table.until:
                raise Broken(f"table {table.name} keeps {', '.join(table.personal)} without a way to the person")
            if table.person and table.person_via not in CORE_TABLES and table.person_via not in names:
                raise Broken(f"table {table.name}: person_via = {table.person_via!r} is neither core's nor your table")

    @check(
        "basic-14",
        "The canary: a person who came in by its door is collected, erased and then found in none of its tables",
        why="The one promise that customers can go to court for. A marked person comes in through the plugin's "
        "own door; core "
        "collects and erases, once with the plugin on, once with it off and its code gone; then every table of the "
        "plugin and every file it keeps is searched for the mark.",
        example="# only where the kit finds no door by itself\n"
        "async def door(self, stage, plugin, person, twice=False):\n"
        '    browser = await stage.signed_in("leader")\n    …',
        remedy="Declare the table and the column where the canary was found, or keep less.",
    )
    async def canary(self) -> None:
        for number, alone in ((11, False), (12, True)):
            await self._one_canary(Marked.person(number), alone)

    async def _one_canary(self, person: Marked, alone: bool) -> None:
        await self.stage.enable()
        await self.own.door(self.stage, self.plugin, person)
        await self.stage.work()
        if not await self.stage.people(person):
            if takes_complaints(self.plugin):
                raise Broken("nobody came in by its door; write `door` in its tests/test_contract.py")
            await self.stage.file(person)
            await self.stage.work()
        people = await self.stage.people(person)
        held = await self._found(person)
        if alone:
            async with self.stage.off_without_code():
                await self._erased(people, held)
        else:
            await self._erased(people, held)
            await self.stage.work()
        left = await self._found(person)
        if left:
            how = "by core alone, its code gone," if alone else "with the plugin on,"
            raise Broken(f"after erasure {how} the canary sings in {', '.join(sorted(left))}")

    async def _erased(self, people: Iterable[Any], held: set[str]) -> None:
        collected: set[str] = set()
        for person in people:
            collected |= {each.table for each in await self.stage.collect(person)}
            await self.stage.erase(person)
        declared = {each.name for each in self.plugin.manifest.tables if each.person}
        missed = {each.split(".")[0] for each in held} & declared - collected
        if missed:
            raise Broken(f"{', '.join(sorted(missed))} held the canary, but core collected nothing there")

    async def _found(self, person: Marked) -> set[str]:
        """Where the person's values stand: table.column, or a file."""
        found, search = set(), Search(person.values())
        for table in await self.stage.tables():
            for row in await self.stage.rows(table):
                for column, value in row.items():
                    if search.finds(_bytes(value)):
                        found.add(f"{table}.{column}")
        for identity, content in (await self.stage.kept_files()).items():
            if search.finds(content):
                found.add(f"the file {identity} it keeps in the vault")
        return found


def _bytes(value: Any) -> bytes | str:
    """As they are; whatever is built of mappings and lists as JSON."""
    if isinstance(value, bytes | str):
        return value
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
