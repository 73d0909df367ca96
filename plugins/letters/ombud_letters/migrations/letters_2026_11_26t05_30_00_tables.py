from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ombud_letters.tables import LettersLetter

ID = "letters_2026-11-26T05:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "letters out and their print runs; scans, their pages and letters"

# Plain SQL, because the promises rest on indexes that Piccolo cannot write: one letter for a key, one scan for a file,
# one row for a page and for a letter's beginning.
TABLES = """
CREATE TABLE letters_batch (
    id uuid PRIMARY KEY,
    made_by text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE letters_letter (
    id uuid PRIMARY KEY,
    message_id uuid,
    key text NOT NULL UNIQUE,
    unit text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT 'en',
    subject text NOT NULL DEFAULT '',
    recipient text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 1,
    file_id uuid,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'printed', 'posted', 'returned', 'withdrawn')),
    queued_at timestamptz NOT NULL DEFAULT now(),
    batch uuid REFERENCES letters_batch (id) ON DELETE SET NULL,
    printed_at timestamptz,
    posted_on date,
    post_class text NOT NULL DEFAULT '',
    tracking text NOT NULL DEFAULT '',
    returned_on date,
    reason text NOT NULL DEFAULT '',
    handled_by text NOT NULL DEFAULT '',
    reported boolean NOT NULL DEFAULT TRUE,
    CHECK ((state IN ('posted', 'returned')) = (posted_on IS NOT NULL)),
    CHECK ((state = 'returned') = (returned_on IS NOT NULL))
);
CREATE INDEX letters_letter_state ON letters_letter (state, queued_at, id);
CREATE INDEX letters_letter_reference ON letters_letter (reference);
CREATE INDEX letters_letter_batch ON letters_letter (batch);
CREATE INDEX letters_letter_unreported ON letters_letter (id) WHERE NOT reported;
CREATE TABLE letters_enclosure (
    id uuid PRIMARY KEY,
    letter uuid NOT NULL REFERENCES letters_letter (id) ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 0,
    name text NOT NULL DEFAULT '',
    by_hand boolean NOT NULL DEFAULT FALSE,
    file_id uuid
);
CREATE UNIQUE INDEX letters_enclosure_place ON letters_enclosure (letter, position);
CREATE TABLE letters_proof (
    id uuid PRIMARY KEY,
    letter uuid NOT NULL REFERENCES letters_letter (id) ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    content_type text NOT NULL DEFAULT '',
    size bigint NOT NULL DEFAULT 0,
    file_id uuid,
    digest text NOT NULL DEFAULT '',
    added_by text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX letters_proof_once ON letters_proof (letter, digest);
CREATE TABLE letters_logo (
    unit text PRIMARY KEY,
    file_id uuid NOT NULL,
    content_type text NOT NULL,
    added_by text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE letters_scan (
    id uuid PRIMARY KEY,
    name text NOT NULL DEFAULT '',
    digest text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    unit text NOT NULL DEFAULT '',
    received_on date NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'reading', 'review', 'done', 'broken', 'discarded')),
    reason text NOT NULL DEFAULT '',
    about text NOT NULL DEFAULT '',
    unread text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0,
    file_id uuid,
    job_id uuid,
    uploaded_by text NOT NULL DEFAULT '',
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE UNIQUE INDEX letters_scan_once ON letters_scan (digest) WHERE state <> 'discarded';
CREATE INDEX letters_scan_newest ON letters_scan (uploaded_at DESC, id DESC);
CREATE TABLE letters_page (
    id uuid PRIMARY KEY,
    scan uuid NOT NULL REFERENCES letters_scan (id) ON DELETE CASCADE,
    number integer NOT NULL,
    kind text NOT NULL DEFAULT 'page' CHECK (kind IN ('page', 'separator', 'blank')),
    text text NOT NULL DEFAULT '',
    file_id uuid,
    file_page integer NOT NULL DEFAULT 1,
    image_id uuid
);
CREATE UNIQUE INDEX letters_page_number ON letters_page (scan, number);
CREATE TABLE letters_incoming (
    id uuid PRIMARY KEY,
    scan uuid NOT NULL REFERENCES letters_scan (id) ON DELETE CASCADE,
    first_page integer NOT NULL,
    why text NOT NULL DEFAULT 'start' CHECK (why IN ('start', 'separator', 'reference', 'person')),
    sender text NOT NULL DEFAULT '',
    email text NOT NULL DEFAULT '',
    phone text NOT NULL DEFAULT '',
    postcode text NOT NULL DEFAULT '',
    subject text NOT NULL DEFAULT '',
    text text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    received_on date NOT NULL,
    left_pages jsonb NOT NULL DEFAULT '[]',
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taking', 'received', 'left_out')),
    receipt_id uuid,
    settled_by text NOT NULL DEFAULT '',
    settled_at timestamptz
);
CREATE UNIQUE INDEX letters_incoming_page ON letters_incoming (scan, first_page);
"""
NAMES = (
    "letters_incoming, letters_page, letters_scan, letters_logo, letters_proof, letters_enclosure, letters_letter, "
    "letters_batch"
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="letters", description=DESCRIPTION)

    async def make() -> None:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                await LettersLetter.raw(statement).run()

    async def drop() -> None:
        await LettersLetter.raw(f"DROP TABLE {NAMES}").run()

    manager.add_raw(make)
    manager.add_raw_backwards(drop)
    return manager
