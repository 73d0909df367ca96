"""Requests about personal data, what was collected for them, legal holds, and proofs of erasure."""

from piccolo.columns import JSONB, UUID, BigInt, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class PrivacyRequest(Table, tablename="core_privacy_request"):
    """What somebody asks for under a law. Its terms are those of the day it was recorded; a correction of the law
    changes requests that come later."""

    id = UUID(primary_key=True, default=new_id)
    reference = Text(unique=True, default="")
    unit_id = UUID(default=None)
    law = Text(default="")
    kind = Text(default="", help_text="the code of the right in its law")
    does = Text(default="", help_text="what core does for it, a code of the plugin API")
    person_id = UUID(default=None, null=True, help_text="empty while it is not known who asks")
    also = JSONB(default="[]", help_text="ids of further records of the same person")
    name = Text(default="", help_text="as who asks gave it")
    contact = Text(default="", help_text="where the answer goes, as who asks gave it")
    channel = Text(default="", help_text="letter, email, phone, form, signal, person")
    words = Text(default="", help_text="what they ask for")
    key = Text(default="", help_text="so that one form sent twice is one request")
    terms = JSONB(default="{}", help_text="labels, times with their sources, identity and agent rules, as they held")
    received_at = Timestamptz()
    due_at = Timestamptz()
    acknowledge_by = Timestamptz(default=None, null=True)
    acknowledged_at = Timestamptz(default=None, null=True)
    extended_at = Timestamptz(default=None, null=True)
    extended_because = Text(default="")
    identity = Text(default="", help_text="empty (not looked at yet), asked, confirmed, failed, not_needed")
    identity_how = Text(default="")
    identity_by = UUID(default=None, null=True)
    identity_at = Timestamptz(default=None, null=True)
    agent_name = Text(default="")
    agent_authority = Text(default="")
    agent_seen_by = UUID(default=None, null=True)
    agent_seen_at = Timestamptz(default=None, null=True)
    agent_result = Text(default="", help_text="accepted, refused; empty while nobody looked")
    agent_checks = JSONB(default="[]", help_text="codes of what was looked at")
    agent_until = Date(default=None, null=True, help_text="how long the authority holds, where it says so")
    language = Text(default="", help_text="in which letters about it are written; empty: the unit's")
    proved_at = Timestamptz(default=None, null=True, help_text="the code that was sent to the address was given back")
    reviewed_at = Timestamptz(default=None, null=True, help_text="when a person looked at what rules did")
    reviewed_by = UUID(default=None, null=True)
    review_result = Text(default="", help_text="stands, changed")
    review = Text(default="", help_text="what the person who looked found")
    state = Text(default="open", help_text="open, answered, withdrawn")
    outcome = Text(default="", help_text="granted, partly, refused; empty while it is open or was withdrawn")
    grounds = JSONB(default="[]", help_text="[{key, label, source}]: why not all of it was granted")
    grounds_words = Text(default="")
    answer = Text(default="")
    answered_at = Timestamptz(default=None, null=True)
    answered_by = UUID(default=None, null=True)
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    version = Integer(default=1)


class PrivacyTerm(Table, tablename="core_privacy_term"):
    """A time of a law as an administrator corrected it; the newest of a part holds, all stay."""

    id = UUID(primary_key=True, default=new_id)
    law = Text(default="")
    kind = Text(default="")
    part = Text(default="", help_text="answer, acknowledge or extension")
    amount = Integer(default=0)
    unit = Text(default="", help_text="months, days or business_days")
    source = Text(default="")
    corrected_at = Timestamptz()
    corrected_by = UUID(default=None, null=True)


class PrivacyCollection(Table, tablename="core_privacy_collection"):
    """What was gathered for a request, source by source. Complete only when every one answered."""

    id = UUID(primary_key=True, default=new_id)
    request_id = UUID(default=None)
    people = JSONB(default="[]", help_text="ids of the records it was collected from")
    state = Text(default="waiting", help_text="waiting, missing, complete, gone")
    sources = JSONB(default="[]", help_text="[{source, label, state, why, items}]")
    redactions = Integer(default=0)
    bundle_id = UUID(default=None, null=True, help_text="the ZIP in the vault, under the person's own key")
    size = BigInt(default=0)
    sha256 = Text(default="")
    asked_at = Timestamptz()
    asked_by = UUID(default=None, null=True)
    finished_at = Timestamptz(default=None, null=True)


class PrivacyHold(Table, tablename="core_privacy_hold"):
    """A legal hold on a case or on all that is kept of a person: nothing of it is erased while it stands."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None, null=True)
    person_id = UUID(default=None, null=True)
    reason = Text(default="")
    source = Text(default="", help_text="the law or order it rests on")
    review_on = Date(default=None, null=True)
    placed_at = Timestamptz()
    placed_by = UUID(default=None, null=True)
    lifted_at = Timestamptz(default=None, null=True)
    lifted_by = UUID(default=None, null=True)
    lifted_because = Text(default="")


class PrivacyMark(Table, tablename="core_privacy_mark"):
    """What a granted request leaves with a person: processing restricted, objected to, sale or sharing opted out of."""

    id = UUID(primary_key=True, default=new_id)
    person_id = UUID(default=None)
    kind = Text(default="", help_text="restrict, object, opt_out, limit")
    request_id = UUID(default=None, null=True)
    since = Timestamptz()
    ended_at = Timestamptz(default=None, null=True)
    ended_by = UUID(default=None, null=True)
    ended_because = Text(default="")


class PrivacyFile(Table, tablename="core_privacy_file"):
    """A document that came with a request: what shows that somebody may act, or what the person adds."""

    id = UUID(primary_key=True, default=new_id)
    request_id = UUID(default=None)
    kind = Text(default="", help_text="authority, added")
    name = Text(default="")
    content_type = Text(default="")
    size = BigInt(default=0)
    sha256 = Text(default="")
    vault_id = UUID(default=None)
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)


class PrivacyTold(Table, tablename="core_privacy_told"):
    """Somebody who got the person's data and must hear of a correction, erasure or restriction."""

    id = UUID(primary_key=True, default=new_id)
    request_id = UUID(default=None)
    kind = Text(default="", help_text="party, crm, payment, case_file, other")
    who = Text(default="")
    state = Text(default="open", help_text="open, told, not_needed")
    how = Text(default="", help_text="how they were told, or why not")
    told_at = Timestamptz(default=None, null=True)
    told_by = UUID(default=None, null=True)
    created_at = Timestamptz()


class PrivacyCorrection(Table, tablename="core_privacy_correction"):
    """What a request corrected in one record: each detail before and after."""

    id = UUID(primary_key=True, default=new_id)
    request_id = UUID(default=None)
    person_id = UUID(default=None)
    changes = JSONB(default="{}", help_text="{detail: [before, after]}")
    at = Timestamptz()
    by = UUID(default=None, null=True)


class PrivacySignal(Table, tablename="core_privacy_signal"):
    """The log of opt-outs by a browser's signal: one line for each browser, and for each person it led to."""

    id = UUID(primary_key=True, default=new_id)
    signal = Text(default="", help_text="gpc")
    laws = JSONB(default="[]", help_text="keys of the laws it was a request under")
    browser = Text(default="", help_text="a digest of the random value in its cookie")
    person_id = UUID(default=None, null=True)
    at = Timestamptz()


class PrivacyErasure(Table, tablename="core_privacy_erasure"):
    """An erasure that was ordered, and the proof that it was done: counts and codes, never what was there."""

    id = UUID(primary_key=True, default=new_id)
    request_id = UUID(default=None, null=True)
    people = JSONB(default="[]", help_text="ids of the records, which are all that stays of them")
    keep = JSONB(default="{}", help_text="case id to {key, label, source}: what the law lets us keep, as chosen")
    state = Text(default="waiting", help_text="waiting, stopped (a plugin did not answer), done")
    sources = JSONB(
        default="[]", help_text="[{source, label, state, why, items}]: what plugins destroyed by themselves"
    )
    ordered_at = Timestamptz()
    ordered_by = Text(default="", help_text="the actor")
    done_at = Timestamptz(default=None, null=True)
    whole = Integer(default=0, help_text="1: nothing that names them stays; 0: something is kept for a reason")
    gone = JSONB(default="{}", help_text="rows by table")
    kept = JSONB(default="[]", help_text="[{what, count, why, source}]")
    keys = Integer(default=0, help_text="keys destroyed")
    journal_line = Integer(default=0, help_text="of the erasure journal, from 1")
    sha256 = Text(default="", help_text="of the certificate's file")
