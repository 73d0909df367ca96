"""Every hook a plugin may implement, on one page. `provide_…` hooks are called once when the plugin is loaded;
they are synchronous and do no I/O. `manifest` is the plugin's own `plugin.toml`."""

from typing import TYPE_CHECKING

from ombud_plugin_api.casefiles import CaseFileFormat
from ombud_plugin_api.classifiers import Classifier
from ombud_plugin_api.correspondence import Deliverer, InboundChannel, SentimentScorer
from ombud_plugin_api.crm import Crm
from ombud_plugin_api.deadlines import Deadlines
from ombud_plugin_api.events import Event
from ombud_plugin_api.hooks import hookspec
from ombud_plugin_api.manifest import Manifest
from ombud_plugin_api.platform import Platform
from ombud_plugin_api.providers import Channel, Command, DemoData, Fill, Job, NavItem, Permission, Settings
from ombud_plugin_api.responses import ResponseRequirement
from ombud_plugin_api.returns import Return
from ombud_plugin_api.rights import Law, PersonalData
from ombud_plugin_api.routing import Router
from ombud_plugin_api.treatment import Action, Condition

if TYPE_CHECKING:  # most commands need no web framework
    from litestar.types import ControllerRouterHandler


@hookspec
def provide_permissions(manifest: Manifest) -> list[Permission]:  # type: ignore[empty-body]
    """Permissions of the plugin's own, each key beginning with the slug; asked when the plugin is enabled."""


@hookspec
def provide_navigation(manifest: Manifest) -> list[NavItem]:  # type: ignore[empty-body]
    """Entries of the rail, shown to whoever holds their permission, for as long as the plugin is enabled."""


@hookspec
def provide_pages(manifest: Manifest) -> list["ControllerRouterHandler"]:  # type: ignore[empty-body]
    """Litestar handlers mounted under `/p/<slug>/`, each with `opt={"permission": …}` or `opt={"public": True}`.
    Machines send to addresses below `/p/<slug>/hook/`: no form field is asked for there, and whoever asks is nobody,
    signed in or not; store what came and verify it in a job."""


@hookspec
def provide_slots(manifest: Manifest) -> list[Fill]:  # type: ignore[empty-body]
    """What the plugin shows in named places of core's pages, asked each time such a page is drawn."""


@hookspec
def provide_channels(manifest: Manifest) -> list[Channel | InboundChannel]:  # type: ignore[empty-body]
    """Ways by which messages and complaints come in; core calls `parse` in the work process for what was received, and
    when it replays a stored receipt; a channel that fetches has `poll` and `every_seconds` too."""


@hookspec
def provide_deliverers(manifest: Manifest) -> list[Deliverer]:  # type: ignore[empty-body]
    """Ways by which messages go out; core calls `send` in the work process once a message's hold is over."""


@hookspec
def provide_sentiment_scorers(manifest: Manifest) -> list[SentimentScorer]:  # type: ignore[empty-body]
    """What tells the tone of a customer's words; called in the work process for each message that came in."""


@hookspec
def provide_conditions(manifest: Manifest) -> list[Condition]:  # type: ignore[empty-body]
    """Words for the if of rules; pure, asked in the work process for each event a rule listens to, and in a replay."""


@hookspec
def provide_actions(manifest: Manifest) -> list[Action]:  # type: ignore[empty-body]
    """Words for the then of rules; each plans changes of the list that core knows how to make."""


@hookspec
def provide_routers(manifest: Manifest) -> list[Router]:  # type: ignore[empty-body]
    """What proposes who, or which queue, suits a case; called in the work process when routing weighs one."""


@hookspec
def provide_deadlines(manifest: Manifest) -> list[Deadlines]:  # type: ignore[empty-body]
    """What tells by when something is due in a case, as terms of clocks that core runs; pure, asked in the work process
    whenever something happened in the case."""


@hookspec
def provide_response_requirements(manifest: Manifest) -> list[ResponseRequirement]:  # type: ignore[empty-body]
    """What regulators ask of letters that answer a complaint, as data; core's gate reads each final response by those
    that an administrator chose for its unit or case type, while it is written, approved and sent."""


@hookspec
def provide_returns(manifest: Manifest) -> list[Return]:  # type: ignore[empty-body]
    """Returns to a regulator: figures with their definitions, code lists and checks, all pure; core collects the facts,
    freezes, has a person sign, and writes the files."""


@hookspec
def provide_classifiers(manifest: Manifest) -> list[Classifier]:  # type: ignore[empty-body]
    """What tells which matters a customer's message is about; called in the work process for each message that came
    into a case. What it finds is a proposal that a person accepts, edits or rejects."""


@hookspec
def provide_case_files(manifest: Manifest) -> list[CaseFileFormat]:  # type: ignore[empty-body]
    """Kinds of files of a case for somebody outside, such as an ombudsman. Core makes the file from the record that the
    maker may see; a profile says what stands on its cover, and is asked when somebody prepares one."""


@hookspec
def provide_rights(manifest: Manifest) -> list[Law]:  # type: ignore[empty-body]
    """Laws by which people may ask for what is kept of them: kinds of request, their times with the article each stands
    in, and grounds for keeping or refusing. Data; core runs the requests, and administrators correct the numbers."""


@hookspec
def provide_personal_data(manifest: Manifest) -> list[PersonalData]:  # type: ignore[empty-body]
    """What the plugin keeps of a person that its manifest cannot say; asked in the work process when a person's data is
    collected or erased. What does not answer stops the request, which names the plugin."""


@hookspec
def provide_jobs(manifest: Manifest) -> list[Job]:  # type: ignore[empty-body]
    """Named background work, run in the work process, resumable and safe to run twice."""


@hookspec
def provide_settings(manifest: Manifest) -> list[Settings]:  # type: ignore[empty-body]
    """What an administrator may set, as one cerberus schema that core checks when the plugin is loaded; core draws the
    page, keeps values by unit and secrets encrypted, and calls `try_out` before saving. At most one."""


@hookspec
def provide_crms(manifest: Manifest) -> list[Crm]:  # type: ignore[empty-body]
    """Customer systems that core asks about people, for the panel beside cases, and tells of closed cases; asked in the
    work process, never while a page is drawn."""


@hookspec
def provide_demo_data(manifest: Manifest) -> list[DemoData]:  # type: ignore[empty-body]
    """What the plugin adds to the demonstration firm, asked when the firm is loaded and when it is removed."""


@hookspec
def provide_commands(manifest: Manifest) -> list[Command]:  # type: ignore[empty-body]
    """Commands of `ombud`, run with an open platform when the administrator types them."""


@hookspec
async def on_event(event: Event, platform: Platform) -> None:
    """A committed event of a kind the manifest names under `events`; called in the work process after the commit, at
    least once, so it must be safe to run twice (`event.id` tells)."""
