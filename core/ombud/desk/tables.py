"""The desk's records: units, people, raw receipts, messages, cases, aspects, redress, queues, drafts."""

from piccolo.columns import JSONB, UUID, BigInt, Boolean, Date, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Unit(Table, tablename="core_unit"):
    """Legal entity, brand or team; every case belongs to one."""

    id = UUID(primary_key=True, default=new_id)
    parent_id = UUID(default=None, null=True)
    kind = Text(default="entity", help_text="entity, brand or team")
    key = Text(unique=True, default="")
    name = Text(default="")
    time_zone = Text(default="UTC", help_text="IANA name")
    currency = Text(default="EUR", help_text="ISO 4217")
    country = Text(default="", help_text="ISO 3166-1 alpha-2")
    language = Text(default="en", help_text="BCP 47")
    phone = Text(default="", help_text="what upset customers may call")
    active = Boolean(default=True, help_text="an inactive unit takes no new case")
    created_at = Timestamptz()
    version = Integer(default=1)


class Person(Table, tablename="core_person"):
    """A person or an organisation; erasure blanks every personal column."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="person", help_text="person or organisation")
    name = Text(default="")
    email = Text(default="")
    phone = Text(default="")
    postcode = Text(default="")
    address = Text(default="")
    language = Text(default="")
    created_at = Timestamptz()
    erased_at = Timestamptz(default=None, null=True)
    version = Integer(default=1)


class CaseType(Table, tablename="core_case_type"):
    """A kind of case with fields of its own; `fields` is a cerberus schema with `meta`."""

    key = Text(primary_key=True, default="")
    label = Text(default="")
    fields = JSONB(default="{}")
    answer_within_days = Integer(default=None, null=True)
    active = Boolean(default=True)
    version = Integer(default=1)


class TaxonomyTerm(Table, tablename="core_taxonomy_term"):
    """One term of a taxonomy. It counts in its unit and all below; without a unit, on the whole desk."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="category", help_text="category (what a matter is about) or cause (why it happened)")
    unit_id = UUID(default=None, null=True)
    parent_id = UUID(default=None, null=True)
    code = Text(default="", help_text="means one thing on the whole desk, so unique in its kind; never changes")
    labels = JSONB(default="{}", help_text="language code to words")
    help = Text(default="")
    valid_from = Date(default=None, null=True, help_text="first day it may be chosen; empty: always was")
    valid_to = Date(default=None, null=True, help_text="first day it may not be chosen any more")
    maps_to = UUID(default=None, null=True, help_text="the term that took its place")
    position = Integer(default=0)
    created_at = Timestamptz()
    version = Integer(default=1)


class Queue(Table, tablename="core_queue"):
    """Where work waits. `condition` compares case facts with values; the first queue by position that fits takes it."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(unique=True, default="")
    name = Text(default="")
    unit_id = UUID(default=None, null=True)
    condition = JSONB(default="{}")
    position = Integer(default=0)
    active = Boolean(default=True)
    version = Integer(default=1)


class Case(Table, tablename="core_case"):
    """What its complainants want put right."""

    id = UUID(primary_key=True, default=new_id)
    reference = Text(unique=True, default="")
    unit_id = UUID(default=None)
    case_type = Text(default="complaint")
    title = Text(default="")
    status = Text(default="new", help_text="new, in_progress, resolved, closed")
    priority = Text(default="normal", help_text="low, normal, high, urgent")
    severity = Integer(default=1, help_text="1 (minor) to 4 (grave)")
    owner_id = UUID(default=None, null=True)
    queue_id = UUID(default=None, null=True)
    channel = Text(default="")
    language = Text(default="en")
    confidential = Boolean(default=False)
    received_at = Timestamptz(help_text="when the first complaint message arrived; clocks run from here")
    received_on = Date(help_text="the same in the unit's time zone")
    opened_at = Timestamptz()
    due_at = Timestamptz(default=None, null=True, help_text="when the final answer is due")
    changed_at = Timestamptz()
    closed_at = Timestamptz(default=None, null=True)
    fields = JSONB(default="{}")
    aspects_total = Integer(default=0)
    aspects_closed = Integer(default=0)
    mood = Text(default="", help_text="calm, tense, upset, angry, or empty where nobody said")
    mood_by = Text(default="", help_text="person (never overridden), suggested, or empty where nobody said")
    last_word_at = Timestamptz()
    last_word_channel = Text(default="")
    merged_into = UUID(default=None, null=True, help_text="the case that holds what this one held")
    clocked = Boolean(default=False, help_text="its clocks were started, or looked after when something moved")
    destroyed_at = Timestamptz(default=None, null=True, help_text="when its words went; codes and figures stay")
    version = Integer(default=1)


class Aspect(Table, tablename="core_aspect"):
    """One matter in a case: owned, clocked, decided, redressed and root-caused by itself."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    position = Integer(default=1, help_text="1 is the primary aspect")
    title = Text(default="")
    text = Text(default="", help_text="the complainant's own words about this matter")
    category = Text(default="")
    status = Text(default="open", help_text="open or closed")
    priority = Text(default="normal")
    severity = Integer(default=1)
    owner_id = UUID(default=None, null=True)
    queue_id = UUID(default=None, null=True, help_text="a queue of its own; empty: it waits with its case")
    concerns_user_id = UUID(default=None, null=True, help_text="the member of staff it is about, who never sees it")
    outcome = Text(default="")
    reason = Text(default="")
    cause = Text(default="")
    due_at = Timestamptz(default=None, null=True)
    decided_at = Timestamptz(default=None, null=True)
    decided_by = UUID(default=None, null=True)
    origin_case_id = UUID(default=None, null=True, help_text="the case it first belonged to, where it moved")
    amount_in_dispute = Numeric(digits=(18, 4), default=None, null=True, help_text="what the customer asks for")
    disputed_currency = Text(default="")
    version = Integer(default=1)


class Redress(Table, tablename="core_redress"):
    """One line of what is given; a mistake is reversed by another line, never edited."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None)
    kind = Text(default="money", help_text="money, goods, waiver, apology, correction")
    amount = Numeric(digits=(18, 4), default=None, null=True)
    currency = Text(default="")
    note = Text(default="")
    reverses = UUID(default=None, null=True)
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    calculation_id = UUID(default=None, null=True, help_text="the working its amount comes from")
    approved_by = UUID(default=None, null=True, help_text="the second person, where it was above the giver's limit")


class Party(Table, tablename="core_party"):
    """A person in a role in a case."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    person_id = UUID(default=None)
    role = Text(default="complainant")
    authority = Text(default="", help_text="what lets a representative act, such as `signed letter of 3 May`")
    authority_until = Date(default=None, null=True)
    created_at = Timestamptz()


class Raw(Table, tablename="core_raw"):
    """The receipt of what came through a door, kept before anything thinks; the bytes are in the vault."""

    id = UUID(primary_key=True, default=new_id)
    channel = Text(default="")
    key = Text(default="", help_text="idempotency key, unique per channel and principal")
    principal = Text(default="", help_text="who used the door: token/…, user/…, or empty for the public")
    fingerprint = Text(default="", help_text="SHA-256 of the bytes, to notice one key used for two contents")
    content_type = Text(default="")
    vault_id = UUID(default=None)
    received_at = Timestamptz()
    status = Text(default="stored", help_text="stored, done, faulted")
    reason = Text(default="")
    case_id = UUID(default=None, null=True)
    message_id = UUID(default=None, null=True)


class IntakeStep(Table, tablename="core_intake_step"):
    """One step of a receipt's way into the desk, so that it can be resumed and replayed."""

    id = UUID(primary_key=True, default=new_id)
    raw_id = UUID(default=None)
    step = Text(default="")
    state = Text(default="waiting", help_text="waiting, done, faulted")
    attempts = Integer(default=0)
    error = Text(default="")
    at = Timestamptz()


class Message(Table, tablename="core_message"):
    """One thing said on any channel, in or out, or a note among staff."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None, null=True)
    person_id = UUID(default=None, null=True)
    author_id = UUID(default=None, null=True, help_text="the member of staff who wrote it")
    raw_id = UUID(default=None, null=True)
    channel = Text(default="")
    direction = Text(default="in", help_text="in, out, note")
    subject = Text(default="")
    body = Text(default="")
    said_at = Timestamptz()
    recorded_at = Timestamptz()
    key = Text(default="", help_text="idempotency key of the write")
    decision = Text(default="", help_text="complaint, not_complaint, or empty while it waits for triage")
    decision_reason = Text(default="")
    decided_by = Text(default="")
    decided_at = Timestamptz(default=None, null=True)
    triage_due_at = Timestamptz(default=None, null=True)
    unit_id = UUID(default=None, null=True, help_text="of a message that came into the inbox: whose inbox")
    queue_id = UUID(default=None, null=True)
    account = Text(default="", help_text="the mailbox, number or page it came to")
    sender_name = Text(default="", help_text="as the sender gave it")
    sender_address = Text(default="", help_text="e-mail address or number, as the sender gave it")
    language = Text(default="")
    sent_at = Timestamptz(default=None, null=True, help_text="what the sender's clock said; said_at is when it came")
    quoted = Text(default="", help_text="older messages and the signature below what was written this time")
    html = Text(default="", help_text="a cleaned rendering")
    marks = JSONB(default="[]", help_text="what to know of it: signed, damaged, results of DKIM and SPF")
    robot = Text(default="", help_text="auto_reply, bounce, report, list, bulk, no_sender, loop")
    robot_reason = Text(default="")
    held = Text(default="", help_text="flood: too many of one sender in an hour; released by a person")
    waits = Boolean(default=False, help_text="stands in the inbox until somebody has dealt with it")
    matched_by = Text(default="", help_text="why it joined its case: thread, token, reference, person")
    matched_with = Text(default="", help_text="the id, address or reference that matched")
    possible_case_id = UUID(default=None, null=True, help_text="possibly belongs to")
    possible_reason = Text(default="", help_text="thread, token, reference, and why it did not join: stranger, robot")
    after_close = Boolean(default=False, help_text="it joined a closed case, which stays closed until a person acts")
    mood = Text(default="", help_text="calm, tense, upset, angry, or empty where nobody said")
    read_at = Timestamptz(default=None, null=True, help_text="when somebody opened it first")
    read_by = UUID(default=None, null=True)
    told = Boolean(default=False, help_text="staff wrote down what they heard: the words are not the customer's own")
    origin_case_id = UUID(default=None, null=True, help_text="the case it first belonged to, where that was merged")


class MessageAspect(Table, tablename="core_message_aspect"):
    """Which aspects a message speaks of."""

    id = UUID(primary_key=True, default=new_id)
    message_id = UUID(default=None)
    aspect_id = UUID(default=None)


class Attachment(Table, tablename="core_attachment"):
    """A file that came with a message or was added to a case; its bytes are in the vault."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None, null=True)
    message_id = UUID(default=None, null=True)
    name = Text(default="")
    content_type = Text(default="")
    size = BigInt(default=0, help_text="bytes")
    sha256 = Text(default="")
    vault_id = UUID(default=None)
    created_at = Timestamptz()


class Finding(Table, tablename="core_finding"):
    """What a provider, or a person, proposes about a record, with its reasons. About a message that has no case yet,
    it has none either."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None, null=True)
    message_id = UUID(default=None, null=True)
    aspect_id = UUID(default=None, null=True)
    provider = Text(default="", help_text="plugin/<slug> or user/<id>")
    kind = Text(default="", help_text="mood, category, aspect, …")
    value = JSONB(default="{}")
    confidence = Numeric(digits=(5, 4), default=None, null=True)
    reason = Text(default="")
    state = Text(default="suggested", help_text="suggested, accepted, rejected")
    created_at = Timestamptz()


class SupportNeeds(Table, tablename="core_support_needs"):
    """A person's confirmed support needs; the two booleans are independent (FCA PS25/19)."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    person_id = UUID(default=None)
    in_vulnerable_circumstances = Boolean(default=False)
    complains_of_our_response = Boolean(default=False, help_text="the complaint is about failing to consider needs")
    adjustments = Text(default="")
    lawful_basis = Text(default="", help_text="the basis or consent under which it is kept")
    confirmed_by = UUID(default=None)
    confirmed_at = Timestamptz()
    review_on = Date(default=None, null=True)
    version = Integer(default=1)


class QueueCount(Table, tablename="core_queue_count"):
    """Signed changes of the number of cases; folded by the schedule, summed by the page."""

    id = UUID(primary_key=True, default=new_id)
    queue_id = UUID(default=None, null=True)
    unit_id = UUID(default=None)
    status = Text(default="")
    confidential = Boolean(default=False)
    owned = Boolean(default=False)
    delta = BigInt(default=0)
    at = Timestamptz()


class Draft(Table, tablename="core_draft"):
    """Unsent text, bound to its writer, case, purpose and recipient, kept on the server until it is sent or thrown
    away. Without a case: a complaint that is being written down."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    case_id = UUID(default=None, null=True)
    purpose = Text(default="", help_text="message:<who would read it>, decision:<aspect>, filing:<form>")
    body = JSONB(default="{}")
    shared = Boolean(default=False, help_text="those who may write in the case see it and write on")
    edited_by = UUID(default=None, null=True, help_text="who wrote its present text, where that is not its owner")
    version = Integer(default=1)
    updated_at = Timestamptz()


class DraftFile(Table, tablename="core_draft_file"):
    """A file put into the box for a message that is not sent yet; its bytes are in the vault. Without a draft it is
    swept."""

    id = UUID(primary_key=True, default=new_id)
    draft_id = UUID(default=None, null=True)
    name = Text(default="")
    content_type = Text(default="")
    size = BigInt(default=0, help_text="bytes")
    sha256 = Text(default="")
    vault_id = UUID(default=None)
    created_at = Timestamptz()


class View(Table, tablename="core_view"):
    """Filters of a queue page under a name: somebody's own, or shared with a unit and all below it."""

    id = UUID(primary_key=True, default=new_id)
    owner_id = UUID(default=None, help_text="who made it")
    unit_id = UUID(default=None, null=True, help_text="whom it is shared with; empty for a personal view")
    name = Text(default="")
    filters = JSONB(default="{}", help_text="the fields of CaseFilters that are set")
    position = Integer(default=0)
    created_at = Timestamptz()
    deleted_at = Timestamptz(default=None, null=True, help_text="it can be put back for a day")
    version = Integer(default=1)


class Bulk(Table, tablename="core_bulk"):
    """A change of one or many cases, kept so that whoever made it can take it back for a day."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    action = Text(
        default="",
        help_text="take, assign, release, queue, priority, severity, category, close, reopen, redress, confidential, "
        "note, tag, untag, reply",
    )
    value = JSONB(default="{}", help_text="what it is changed to; words are blanked once they are written")
    state = Text(default="choosing", help_text="choosing, planned, running, done, undoing, undone")
    single = Boolean(default=False, help_text="one case, changed on its own page")
    cut = Boolean(default=False, help_text="more cases matched than one change may hold")
    origin = Text(default="", help_text="the address of the list it came from")
    job_id = UUID(default=None, null=True)
    created_at = Timestamptz()
    ran_at = Timestamptz(default=None, null=True)
    touched_at = Timestamptz(
        help_text="when a row was last worked on; an old one in a running change is taken up again"
    )


class BulkRow(Table, tablename="core_bulk_row"):
    """One case of such a change: the version seen, what it had before and got, and how it went."""

    id = UUID(primary_key=True, default=new_id)
    bulk_id = UUID(default=None)
    case_id = UUID(default=None)
    place = Integer(default=0)
    version = Integer(default=0)
    state = Text(default="chosen", help_text="chosen, ready, cannot, done, refused, undone, stayed")
    reason = Text(default="")
    before = JSONB(default="{}")
    after = JSONB(default="{}")


class Presence(Table, tablename="core_presence"):
    """Who has a case open or writes on it at this moment, by browser. It exists to keep two people off one case and for
    nothing else: a row is overwritten every few seconds, expires after half a minute, is swept, never reaches the
    ledger, a backup or an export, and counts nobody's work. The table is unlogged."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    user_id = UUID(default=None)
    session_id = Text(default="", help_text="the browser's session, with which the row ends")
    doing = Text(default="viewing", help_text="viewing or writing")
    until = Timestamptz()


class Claim(Table, tablename="core_claim"):
    """`I am working on this`: warns others for a few minutes, blocks nobody and ends by itself; one for all of a case,
    and one for each of its matters."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    aspect_id = UUID(default=None, null=True, help_text="the matter somebody works on; empty: all of the case")
    user_id = UUID(default=None)
    at = Timestamptz()
    until = Timestamptz()


class DemoItem(Table, tablename="core_demo_item"):
    """What `demo load` made, so that `demo remove` removes exactly that."""

    id = UUID(primary_key=True, default=new_id)
    kind = Text(default="", help_text="unit, user, queue, person, case")
    item_id = UUID(default=None)
