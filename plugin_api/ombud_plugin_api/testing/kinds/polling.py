"""Plugins with channels that fetch: a rhythm that holds nobody up, and nothing lost on the way."""

import asyncio
import inspect
from typing import Any, ClassVar

from ombud_plugin_api.correspondence import PollingChannel
from ombud_plugin_api.errors import PluginFault, Transient
from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.stage import Marked
from ombud_plugin_api.testing.subject import Subject

SHORTEST, LONGEST = 10, 3600.0
BEGINS = 10.0  # seconds after which a run of a channel that is not set up must be over
RUNS = 20.0  # seconds within which what waits must be there


class PollingContract(Contract):
    """What plugins with channels that fetch promise."""

    kind: ClassVar[str] = "polling"
    title: ClassVar[str] = "Plugins that fetch"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_channels") and any("def poll(" in each.text for each in plugin.sources)

    @check(
        "basic-43",
        "Its channels that fetch have a rhythm and an end, and are asynchronous",
        why="Core starts no second run while one is under way: a run without an end is the last one. One that starts "
        "every second leaves the other side no rest.",
        example="every_seconds = 30\nlimit_seconds = 300.0\n\nasync def poll(self, context: Context) -> None: …",
        remedy=f"Give every_seconds of {SHORTEST} or more, limit_seconds of an hour at most, and an async poll.",
    )
    async def runs_are_bounded(self) -> None:
        await self.stage.enable()
        for channel in self._channels():
            if not inspect.iscoroutinefunction(channel.poll):
                raise Broken(f"poll of {channel.key} is not asynchronous")
            if channel.every_seconds < SHORTEST:
                raise Broken(f"{channel.key} is started every {channel.every_seconds} seconds")
            if not 0 < channel.limit_seconds <= LONGEST:
                raise Broken(f"a run of {channel.key} may take {channel.limit_seconds} seconds")

    @check(
        "basic-44",
        "Not set up, a run is over at once, or says in words what is missing",
        why="A plugin is turned on before it is set up. What raises then counts as a fault of the plugin, and tells "
        "the administrator nothing.",
        example='if not context.settings["folder"]:\n    return',
        remedy="Return where nothing is to be fetched; raise Misconfigured with a sentence where something is wrong.",
    )
    async def not_set_up_is_quiet(self) -> None:
        await self.stage.enable()
        for channel in self._channels():
            problem = await self._run(channel, BEGINS)
            if isinstance(problem, TimeoutError):
                raise Broken(f"a run of {channel.key}, which is not set up, does not end within {BEGINS:.0f} s")
            if problem is not None and not isinstance(problem, PluginFault):
                raise Broken(f"poll of {channel.key} raises {type(problem).__name__}: {problem}")
            if problem is not None and len(str(problem).split()) < 3:
                raise Broken(f"poll of {channel.key} refuses with {str(problem)!r}, which tells nobody why")

    @check(
        "sound-41",
        "What core could not take is there at the next run, and is taken once",
        why="The database restarts while messages are fetched. What was taken away before core had it is lost; what "
        "is fetched again must not become two messages.",
        example="await context.platform.receive(raw)\nawait asyncio.to_thread(path.unlink)     # only then",
        remedy="Hand each message over before the source may forget it, let Transient pass, and make the receipt's key "
        "of its bytes. Say in `waits` of tests/test_contract.py how a message is laid where the channel fetches.",
    )
    async def nothing_is_lost_or_doubled(self) -> None:
        await self.stage.enable()
        person = Marked.person(43)
        if not await self.own.waits(self.stage, self.plugin, person):
            raise NotTried("nothing to fetch: write `waits` in its contract")
        for channel in self._channels():
            with self.stage.trouble("receive") as called:
                problem = await self._run(channel, RUNS / 4, until=lambda: bool(called))
            if called and problem is not None and not isinstance(problem, Transient | TimeoutError):
                raise Broken(f"{channel.key} answers a Transient of core with {type(problem).__name__}: {problem}")
            await self._taken_once(channel, person, bool(called))
        await self.stage.faults()

    async def _taken_once(self, channel: PollingChannel, person: Marked, failed: bool) -> None:
        for again in (False, True):
            found = 0
            work = asyncio.create_task(self._run(channel, RUNS))
            try:
                for _ in range(int(RUNS * 5)):
                    await asyncio.wait({work}, timeout=0.2)
                    await self.stage.work()
                    found = await self.stage.messages(person) + await self.stage.cases(person)
                    if work.done() or (found and not again):
                        break
                    if again:
                        await asyncio.sleep(1.0)
                        break
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            await self.stage.work()
            found = await self.stage.messages(person) + await self.stage.cases(person)
            if not found:
                why = ", which core could not take at first," if failed else ""
                raise Broken(f"what waited for {channel.key}{why} is lost")
            if found > 1:
                raise Broken(f"{channel.key} makes {found} messages of one")

    def _channels(self) -> list[PollingChannel]:
        return [each for each in self.stage.provided.channels if isinstance(each, PollingChannel)]

    async def _run(self, channel: PollingChannel, seconds: float, until: Any = lambda: False) -> Exception | None:
        """What a run raised; a TimeoutError where it went on and was stopped. Also stopped a moment after `until`."""
        work = asyncio.ensure_future(channel.poll(await self.stage.context()))
        end = asyncio.get_running_loop().time() + seconds
        try:
            while not work.done() and not until() and asyncio.get_running_loop().time() < end:
                await asyncio.wait({work}, timeout=0.1)
            await asyncio.wait({work}, timeout=0.5)
            went_on = not work.done()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        if went_on:
            return TimeoutError()
        problem = work.exception() if not work.cancelled() else None
        return problem if isinstance(problem, Exception) else None


__all__ = ["PollingContract"]
