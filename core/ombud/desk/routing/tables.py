"""What routing knows of staff, and how far escalations have climbed."""

from piccolo.columns import JSONB, UUID, Boolean, Date, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class Skill(Table, tablename="core_skill"):
    """A term for what somebody can do, kept by administrators, with what asks for it."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(unique=True, default="", help_text="never changes; profiles hold it")
    label = Text(default="")
    needed_by = JSONB(default="{}", help_text="{category: [codes], case_type: [keys]}: what needs this skill")
    active = Boolean(default=True)
    version = Integer(default=1)


class StaffProfile(Table, tablename="core_staff_profile"):
    """What routing may know of a member of staff. Without a row: no skills, the desk's own languages, no limit."""

    user_id = UUID(primary_key=True, default=None)
    skills = JSONB(default="[]", help_text="keys of core_skill")
    languages = JSONB(default="[]", help_text="codes such as pl")
    capacity = Integer(default=None, null=True, help_text="weight of the open work at once; empty: no limit")
    pattern = JSONB(default="{}", help_text='{"0": [["09:00", "17:00"]]}: weekday from Monday to hours; empty: always')
    time_zone = Text(default="", help_text="of the pattern and of absences; empty: the first unit's")
    leader_id = UUID(default=None, null=True, help_text="whom escalations reach next")
    changed_at = Timestamptz()
    version = Integer(default=1)


class Absence(Table, tablename="core_absence"):
    """Days on which somebody is not there, both included. Why is nobody's business and is not kept."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    starts_on = Date()
    ends_on = Date()
    stand_in_id = UUID(default=None, null=True, help_text="who is told and asked meanwhile")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)
    cancelled_at = Timestamptz(default=None, null=True)


class Given(Table, tablename="core_given"):
    """That work went to somebody, for fair shares: kept for two weeks, then swept; no measure of anybody's work."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    unit_id = UUID(default=None)
    case_id = UUID(default=None)
    weight = Integer(default=1)
    at = Timestamptz()


class Ladder(Table, tablename="core_ladder"):
    """Steps that a case climbs when nobody answers; what they are stands in its versions."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(unique=True, default="", help_text="what rules call it by")
    name = Text(default="")
    unit_id = UUID(default=None, null=True, help_text="of which cases; empty: of all")
    active = Boolean(default=True)
    current = Integer(default=1, help_text="the version that new escalations follow")
    version = Integer(default=1)


class LadderVersion(Table, tablename="core_ladder_version"):
    """One wording of a ladder; never changed, so that a running escalation keeps the steps it began with."""

    id = UUID(primary_key=True, default=new_id)
    ladder_id = UUID(default=None)
    number = Integer(default=1)
    content = JSONB(default="{}", help_text="steps, starts, ends")
    created_at = Timestamptz()
    created_by = UUID(default=None, null=True)


class Escalation(Table, tablename="core_escalation"):
    """One case, or one matter of it, on its way up a ladder."""

    id = UUID(primary_key=True, default=new_id)
    ladder_id = UUID(default=None)
    number = Integer(default=1, help_text="the version of the ladder it follows")
    case_id = UUID(default=None)
    aspect_id = UUID(default=None, null=True)
    level = Integer(default=0, help_text="steps taken")
    state = Text(default="running", help_text="running or ended")
    started_at = Timestamptz()
    started_by = Text(default="", help_text="the actor: user/…, rule/… or system")
    because = JSONB(default="{}", help_text="codes: what started it")
    next_at = Timestamptz(default=None, null=True, help_text="when the next step is due; empty: none is left")
    moved_at = Timestamptz(help_text="when it last climbed, or began")
    ended_at = Timestamptz(default=None, null=True)
    ended_because = Text(default="", help_text="answered, decided, acknowledged, closed, taken_back")
    version = Integer(default=1)
