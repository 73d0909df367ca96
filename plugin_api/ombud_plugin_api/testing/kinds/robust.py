"""Every plugin, sound: one result for one input, patience, and independence of its neighbours."""

from typing import ClassVar

from ombud_plugin_api.testing.checks import Broken, Contract, check
from ombud_plugin_api.testing.kinds.manifest import open_pages
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

SILENT = 1.0  # seconds for which nothing else in the process may stand still


class RobustContract(Contract):
    """What sound plugins promise."""

    kind: ClassVar[str] = "plugin"
    title: ClassVar[str] = "Every plugin, sound"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return True

    async def _made(self, person: Marked) -> int:
        """A complaint opens a case; what may be one lies in the inbox until somebody decides."""
        return await self.stage.cases(person) + await self.stage.messages(person)

    @check(
        "sound-01",
        "The same input twice gives one result",
        why="People click twice and senders repeat what was not acknowledged in time.",
        example="RawReceipt(channel=…, key=the draft's or the message's own id, …)",
        remedy="File under an idempotency key that the same input always has.",
    )
    async def the_same_twice_is_one(self) -> None:
        await self.stage.enable()
        person = Marked.person(61)
        if await self.own.door(self.stage, self.plugin, person, twice=True):
            await self.stage.work()
            if (made := await self._made(person)) > 1:
                raise Broken(f"one complaint, sent twice, makes {made} cases or messages")

    @check(
        "sound-02",
        "What fails for a while is tried again, and nothing is lost or doubled",
        why="The database restarts, a disk is full for a minute. Whoever sends again afterwards must come "
        "through, once.",
        example="await platform.file(raw, complaint)     # let its Transient pass",
        remedy="Let Transient pass; delete what was typed only after core has the complaint.",
    )
    async def transient_faults_lose_nothing(self) -> None:
        await self.stage.enable()
        person = Marked.person(62)
        with self.stage.trouble("file") as called:
            try:
                taken = await self.own.door(self.stage, self.plugin, person)
            except Broken:
                taken = False
            await self.stage.work()
        if not called:
            return
        await self.stage.work()
        if taken and not await self._made(person):
            raise Broken("its door said yes while core could not take the complaint, and the complaint is lost")
        await self.own.door(self.stage, self.plugin, person)
        await self.stage.work()
        if (made := await self._made(person)) != 1:
            raise Broken(f"after a fault that passed, one complaint that was sent again makes {made} cases or messages")
        await self.stage.faults()

    @check(
        "sound-03",
        "It works while every other plugin fails",
        why="Plugins meet only in core's records. One that needs a neighbour's code stops with it.",
        example="# nothing to do, as long as the plugin asks core alone",
        remedy="Ask the platform for what you need of others; name them under needs only where you cannot be without.",
    )
    async def works_with_others_failing(self) -> None:
        await self.stage.enable()
        person = Marked.person(63)
        await self.stage.faults()
        async with self.stage.others_fail():
            came = await self.own.door(self.stage, self.plugin, person)
            await self.stage.work()
            if came and (made := await self._made(person)) != 1:
                raise Broken(f"its door makes {made} cases or messages of one complaint")
            if self.plugin.implements("provide_pages"):
                for path, status in await open_pages(self):
                    if status >= 500:
                        raise Broken(f"GET {path} answers {status}")
            for slot, problem in await self.stage.slot_answers():
                if problem:
                    raise Broken(f"its part of {slot} fails: {problem}")
        if faults := await self.stage.faults():
            raise Broken(f"a neighbour that fails costs it faults of its own: {'; '.join(faults[:3])}")

    @check(
        "sound-04",
        "The desk works while it fails, and while it hangs",
        why="The law of the house: a broken plugin may make a case poorer; it may never lose it, stop it or "
        "delay its clock.",
        example="# nothing to do, as long as the plugin changes nothing of core when it is imported",
        remedy="Do everything inside hooks; never replace or wrap parts of core, of the event loop or of the logging.",
    )
    async def the_desk_works_without_it(self) -> None:
        await self.stage.enable()
        for how in ("raise", "hang"):
            async with self.stage.fails(how):
                problem = await self.stage.desk_works()
            if problem:
                raise Broken(f"where everything it provides {how}s, {problem}")
        await self.stage.faults()

    @check(
        "sound-05",
        "Nothing of it holds the process up",
        why="Pages of everybody run on one event loop. Code that computes, sleeps or waits for a host without "
        "`await` stops "
        "them all; after three seconds the watchdog kills the process.",
        example="await asyncio.to_thread(read_table, data)      # not: read_table(data)",
        remedy="Await what waits, and hand what computes for long to asyncio.to_thread or to a job.",
    )
    async def nothing_blocks(self) -> None:
        await self.stage.enable()
        with self.stage.watch() as watched:
            await self.own.door(self.stage, self.plugin, Marked.person(65))
            await self.stage.work()
            if self.plugin.implements("provide_pages"):
                await open_pages(self)
            await self.stage.slot_answers()
        if watched.silent > SILENT:
            raise Broken(f"{watched.silent_at or 'its code'} held everything else up for {watched.silent:.1f} s")
