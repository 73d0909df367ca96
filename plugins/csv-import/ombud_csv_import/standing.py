"""How an import stands for somebody who looks: what the page says and which buttons it has."""

from dataclasses import dataclass

from ombud_csv_import import runs
from ombud_csv_import.runs import Run
from ombud_plugin_api import Platform, Refused


@dataclass(frozen=True)
class Standing:
    """state: that of the import, or `broken` where it should run and no process does. trouble: why, if it is known.
    again: it goes on by itself."""

    state: str
    trouble: str = ""
    again: bool = False
    done: int = 0
    total: int = 0

    @property
    def moving(self) -> bool:
        return self.state in {"waiting", "running"}


async def of(run: Run, platform: Platform) -> Standing:
    """Asks the job, or where a command runs the import, whether somebody holds its lock."""
    if run.state not in {"waiting", "running"}:
        return Standing(run.state, run.error, done=run.rows_in, total=run.rows_total)
    if run.job_id is not None:
        return await _of_job(run, platform)
    async with platform.transaction():
        nobody = await runs.try_lock(run.source)
    return Standing("broken" if nobody else run.state, done=run.rows_in, total=run.rows_total)


async def _of_job(run: Run, platform: Platform) -> Standing:
    try:
        job = await platform.job(run.job_id) if run.job_id else {}
    except Refused:
        job = {}
    state = {"waiting": "waiting", "running": "running"}.get(str(job.get("state", "")), "broken")
    error = str(job.get("error") or "")
    return Standing(state, error, again=state == "waiting" and bool(error), done=run.rows_in, total=run.rows_total)
