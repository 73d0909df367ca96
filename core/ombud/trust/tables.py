"""Who may enter, and as whom: users, roles, sessions, tokens, signed links, throttles."""

from piccolo.columns import JSONB, UUID, Array, BigInt, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from ombud.kernel.ids import new_id


class User(Table, tablename="core_user"):
    """A member of staff who signs in."""

    id = UUID(primary_key=True, default=new_id)
    name = Text(unique=True, default="", help_text="what the person types to sign in")
    display_name = Text(default="")
    email = Text(default="")
    password_hash = Text(default="", secret=True)
    language = Text(default="en")
    active = Boolean(default=True)
    created_at = Timestamptz()
    version = Integer(default=1)
    keys = JSONB(default="{}", help_text="the keys this person chose, by action; the others are the usual ones")
    landing = Text(default="", help_text="the queue or view the desk opens with; empty for the usual one")


class Role(Table, tablename="core_role"):
    key = Text(primary_key=True, default="")
    label = Text(default="")
    permissions = Array(base_column=Text(), default=list)
    active = Boolean(default=True, help_text="a retired role can be given to nobody")
    version = Integer(default=1)


class UserRole(Table, tablename="core_user_role"):
    """A role held in a unit counts in every unit below it."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    role = Text(default="")
    unit_id = UUID(default=None)


class Session(Table, tablename="core_session"):
    """A signed-in browser; the id is the SHA-256 of the cookie's secret, so a stolen table opens nothing."""

    id = Text(primary_key=True, default="")
    user_id = UUID(default=None)
    csrf = Text(default="", secret=True)
    created_at = Timestamptz()
    seen_at = Timestamptz()
    expires_at = Timestamptz()
    agent = Text(default="", help_text="the browser's own description, cut to 200 characters")
    half = Boolean(default=False, help_text="the password was right, the second factor is not shown yet")
    new_browser = Boolean(default=False, help_text="nobody signed in as this user from this browser before")
    proved_at = Timestamptz(default=None, null=True, help_text="when the person last showed password and code")


class Token(Table, tablename="core_token"):
    """An API token: stored hashed, never wider than its user's rights."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    name = Text(default="")
    hash = Text(unique=True, default="", secret=True)
    scopes = Array(base_column=Text(), default=list)
    created_at = Timestamptz()
    expires_at = Timestamptz(default=None, null=True)
    used_at = Timestamptz(default=None, null=True)
    revoked_at = Timestamptz(default=None, null=True)


class Throttle(Table, tablename="core_throttle"):
    """How often something was tried in a window; the key is hashed where it is personal."""

    key = Text(primary_key=True, default="")
    count = Integer(default=0)  # type: ignore[assignment]
    since = Timestamptz()


class Link(Table, tablename="core_link"):
    """A signed link that lets a person follow a case without an account."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    person_id = UUID(default=None)
    purpose = Text(default="track")
    created_at = Timestamptz()
    expires_at = Timestamptz()
    revoked_at = Timestamptz(default=None, null=True)
    revoked_by = Text(default="")


class SecondFactor(Table, tablename="core_second_factor"):
    """A user's authenticator app (TOTP). Its secret lies in the vault; a time step that was used is used up."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(unique=True, default=None)
    vault_id = UUID(default=None)
    created_at = Timestamptz()
    confirmed_at = Timestamptz(default=None, null=True)
    last_step = BigInt(default=0)


class RecoveryCode(Table, tablename="core_recovery_code"):
    """One way in without the phone, once; kept as an HMAC under the signing key, which is not in the database."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    hash = Text(unique=True, default="", secret=True)
    used_at = Timestamptz(default=None, null=True)


class Reset(Table, tablename="core_reset"):
    """A link by which a user sets a password, once; only the hash of its secret is kept."""

    id = UUID(primary_key=True, default=new_id)
    user_id = UUID(default=None)
    hash = Text(unique=True, default="", secret=True)
    purpose = Text(default="reset")
    made_by = Text(default="")
    created_at = Timestamptz()
    expires_at = Timestamptz()
    used_at = Timestamptz(default=None, null=True)


class SettingSecret(Table, tablename="core_setting_secret"):
    """A secret that an administrator set, encrypted under a key of its group's; `core_setting` holds no trace of it."""

    id = UUID(primary_key=True, default=new_id)
    key = Text(default="")
    unit_id = UUID(default=None, null=True)
    field = Text(default="")
    wrapped = Bytea(default=b"", secret=True)
    nonce = Bytea(default=b"", secret=True)
    ciphertext = Bytea(default=b"", secret=True)
    changed_by = Text(default="")
    changed_at = Timestamptz()


class Viewing(Table, tablename="core_viewing"):
    """That somebody looked at a part of a case: one line for as long as they come back within some minutes."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    user_id = UUID(default=None)
    actor = Text(default="", help_text="user/<id> in the browser, token/<id> for a program")
    part = Text(default="", help_text="a code of web/viewed.py")
    emergency = Boolean(default=False, help_text="whether emergency access was open to them")
    first_at = Timestamptz()
    last_at = Timestamptz()
    times = Integer(default=1)


class Emergency(Table, tablename="core_emergency"):
    """Emergency access of one person to one case, and what a second person found of it."""

    id = UUID(primary_key=True, default=new_id)
    case_id = UUID(default=None)
    user_id = UUID(default=None)
    reason = Text(default="", help_text="also sealed in the ledger")
    opened_at = Timestamptz()
    until = Timestamptz()
    ended_at = Timestamptz(default=None, null=True, help_text="ended by a person before its time")
    ended_by = UUID(default=None, null=True)
    reviewed_at = Timestamptz(default=None, null=True)
    reviewed_by = UUID(default=None, null=True)
    justified = Boolean(default=None, null=True)
    words = Text(default="", help_text="of the review; also sealed in the ledger")
