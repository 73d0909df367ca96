"""Gives back what a dead worker held; apart, because the supervisor needs this and none of the broker."""

from ombud.kernel.outbox import CHANNEL

QUEUE = "ombud"  # of the broker
SCHEMA = "ombud_queue"  # where the broker's tables are
KILLS = 3  # after so many a delivery is parked

# $1: ids of dead workers; $2: the delivery that stopped its worker, where that is certain. It alone, or else all that
# they ran, counts one kill more; the second time it lets others go first. What the broker was told is told again,
# which is harmless where it had not forgotten: a message carries the id of its delivery.
REQUEUE = f"""
WITH hit AS (
    UPDATE core_delivery
    SET kills = kills + 1 - spared, locked_by = NULL, handed_at = NULL,
        available_at = now() + CASE WHEN kills - spared > 0 THEN interval '5 seconds' ELSE interval '0' END,
        state = CASE WHEN kills + 1 - spared >= {KILLS} THEN 'parked' ELSE 'waiting' END,
        finished_at = CASE WHEN kills + 1 - spared >= {KILLS} THEN now() END,
        error = 'its process died while it ran, ' || kills + 1 - spared || ' of {KILLS} times'
    FROM (SELECT id AS same, CASE WHEN id <> $2::uuid THEN 1 ELSE 0 END AS spared FROM core_delivery
          WHERE state = 'running' AND locked_by = ANY($1::uuid[])) AS counted
    WHERE id = same AND state = 'running' AND locked_by = ANY($1::uuid[])
    RETURNING subscriber, plugin, state, error
), told AS (
    INSERT INTO core_fault (id, slug, at, kind, place, error, trace)
    SELECT gen_random_uuid(), coalesce(nullif(plugin, ''), 'core'), now(), 'parked', subscriber, error, ''
    FROM hit WHERE state = 'parked'
), forgotten AS (
    UPDATE core_delivery SET handed_at = NULL WHERE state = 'waiting' AND handed_at IS NOT NULL
), gone AS (
    DELETE FROM core_worker WHERE id = ANY($1::uuid[])
), queued AS (
    UPDATE {SCHEMA}.queue SET state = 'queued', worker_id = NULL, consumed_at = NULL, mtime = now()
    WHERE state = 'consumed' AND worker_id = ANY($1::uuid[])
)
SELECT (SELECT count(*) FROM hit), pg_notify('{CHANNEL}', ''), pg_notify('dramatiq.{QUEUE}.enqueue', '')
"""
