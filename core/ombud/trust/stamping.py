"""Asks a time-stamping service (RFC 3161) for a stamp of the newest checkpoint, and keeps it where it holds."""

import base64
from pathlib import Path

import httpx
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from ombud.kernel.database import db
from ombud.trust import checkpoints
from ombud.trust.canonical import canonical, moment_text
from ombud.trust.checkpoints import LOCK
from ombud.trust.timestamps import StampFailed, checked, path_beside, roots_in, stamps

SECONDS = 15.0
LARGEST = 100_000  # bytes of an answer


async def stamp_newest(url: str, roots: Path | None, publish_file: Path) -> int | None:
    """Has the newest checkpoint stamped, checks the answer, and keeps it. Returns its number, None where it has one
    already or there is none. Raises StampFailed. Asks outside any transaction."""
    row = await db.fetchrow("SELECT n, hash FROM core_checkpoint ORDER BY n DESC LIMIT 1")
    kept = stamps(path_beside(publish_file))
    if row is None or any(each["n"] == row["n"] for each in kept[-1:]):
        return None
    vouching = roots_in(roots)
    builder = TimestampRequestBuilder().data(row["hash"]).hash_algorithm(HashAlgorithm.SHA256)
    asked = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    raw = await _ask(url, asked.as_bytes())
    moment = checked(raw, row["hash"], vouching, asked)
    line = {
        "type": "timestamp", "n": row["n"], "hash": row["hash"].hex(), "at": moment_text(moment), "url": url,
        "response": base64.b64encode(raw).decode(),
    }  # fmt: skip
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        checkpoints.append_lines(path_beside(publish_file), canonical(line) + b"\n")
    return int(row["n"])


async def _ask(url: str, request: bytes) -> bytes:
    headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=request, headers=headers) as answer,
        ):
            return await _taken(answer)
    except httpx.TimeoutException:
        raise StampFailed(f"The time-stamping service did not answer within {SECONDS:g} seconds.") from None
    except httpx.HTTPError as problem:
        raise StampFailed(f"The time-stamping service cannot be reached ({type(problem).__name__}).") from None


async def _taken(answer: httpx.Response) -> bytes:
    if answer.status_code != 200:
        raise StampFailed(f"The time-stamping service answered {answer.status_code}. Look at its address.")
    data = b""
    async for piece in answer.aiter_bytes():
        data += piece
        if len(data) > LARGEST:
            raise StampFailed("The answer of the time-stamping service is too large to be a time-stamp.")
    return data
