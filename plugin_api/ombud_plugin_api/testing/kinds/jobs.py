"""Plugins with background jobs."""

import inspect
from typing import ClassVar

from ombud_plugin_api.errors import Transient
from ombud_plugin_api.testing.checks import Broken, Contract, NotTried, check
from ombud_plugin_api.testing.subject import Subject

LONGEST = 24 * 3600.0


class JobsContract(Contract):
    """What plugins with jobs promise."""

    kind: ClassVar[str] = "jobs"
    title: ClassVar[str] = "Plugins with jobs"

    @classmethod
    def concerns(cls, plugin: Subject) -> bool:
        return plugin.implements("provide_jobs")

    @check(
        "basic-60",
        "Its jobs are asynchronous, named and bounded",
        why="A job without a bound holds a worker for ever; one that is not asynchronous holds all the others too.",
        example='Job("sort", sort_letters, limit_seconds=600)',
        remedy="Give each job a name of its own, an async function and a limit of a day at most.",
    )
    async def jobs_are_bounded(self) -> None:
        await self.stage.enable()
        for job in self.stage.provided.jobs:
            if not inspect.iscoroutinefunction(job.run):
                raise Broken(f"the job {job.name} is not asynchronous")
            if not 0 < job.limit_seconds <= LONGEST:
                raise Broken(f"the job {job.name} may run for {job.limit_seconds} seconds")

    @check(
        "sound-20",
        "A job that runs twice, or fails on its way for a while, ends with one result",
        why="Work is repeated after a crash or a pause of the other side.",
        example='jobs = {"sort": {"box": "first"}}     # in tests/test_contract.py: a payload to run it with',
        remedy="Keep how far it came with context.save, let Transient pass, and make each step safe to run again.",
    )
    async def jobs_run_again(self) -> None:
        await self.stage.enable()
        given = [job for job in self.stage.provided.jobs if job.name in self.own.jobs]
        if not given:
            raise NotTried("no job can be run by itself: name payloads under `jobs` in its contract")
        for job in given:
            payload = self.own.jobs[job.name]
            with self.stage.trouble("*") as called:
                problem = await self.stage.run_job(job.name, payload)
            if called and not isinstance(problem, Transient):
                raise Broken(f"the job {job.name} swallows the Transient of platform.{called[0]}")
            if problem := await self.stage.run_job(job.name, payload):
                raise Broken(f"the job {job.name} raises {type(problem).__name__}: {problem}")
            before = [await self.stage.rows(table) for table in await self.stage.tables()]
            if problem := await self.stage.run_job(job.name, payload):
                raise Broken(f"the job {job.name}, run again, raises {type(problem).__name__}: {problem}")
            if [await self.stage.rows(table) for table in await self.stage.tables()] != before:
                raise Broken(f"the job {job.name}, run again, changes what it did")
