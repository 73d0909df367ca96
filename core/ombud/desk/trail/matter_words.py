"""Entries about the work on an aspect in words: evidence, promises, protocol, passages, links, moves, proposals."""

# A sentence for the translator and an icon; %(letter)s is the aspect's.
MATTER: dict[str, tuple[str, str]] = {
    "evidence.asked": ("%(actor)s asked for evidence on aspect %(letter)s", "file-search"),
    "evidence.withdrawn": (
        "Evidence on aspect %(letter)s is not asked for after all: the message did not go",
        "file-off",
    ),
    "evidence.received": ("%(actor)s registered evidence on aspect %(letter)s", "file-check"),
    "evidence.not_coming": ("%(actor)s recorded that evidence on aspect %(letter)s will not come", "file-off"),
    "evidence.reopened": ("%(actor)s asks for evidence on aspect %(letter)s again", "file-search"),
    "evidence.relied": ("%(actor)s relies upon evidence on aspect %(letter)s", "file-check"),
    "evidence.not_relied": ("%(actor)s does not rely upon evidence on aspect %(letter)s any more", "file-off"),
    "task.promised": ("%(actor)s recorded a promise on aspect %(letter)s", "calendar-due"),
    "task.done": ("%(actor)s kept a promise on aspect %(letter)s", "circle-check"),
    "task.told": ("%(actor)s told the customer that a promise on aspect %(letter)s was kept", "mail"),
    "task.dropped": ("%(actor)s gave up a promise on aspect %(letter)s", "ban"),
    "task.reopened": ("%(actor)s opened a promise on aspect %(letter)s again", "refresh"),
    "step.done": ("%(actor)s did a step of the protocol of aspect %(letter)s", "list-check"),
    "step.undone": ("%(actor)s took a step of the protocol of aspect %(letter)s back", "arrow-back-up"),
    "protocol.kept": ("Aspect %(letter)s is worked on by a protocol", "list-check"),
    "passage.pinned": ("%(actor)s pinned a passage to aspect %(letter)s", "pin"),
    "passage.unpinned": ("%(actor)s took a passage off aspect %(letter)s", "pinned-off"),
    "aspect.linked": ("%(actor)s linked aspect %(letter)s with another one", "link"),
    "aspect.unlinked": ("%(actor)s took a link of aspect %(letter)s away", "unlink"),
    "aspect.moved": ("%(actor)s moved an aspect into another case", "arrows-split"),
    "aspect.arrived": ("%(actor)s moved aspect %(letter)s here from another case", "arrow-merge"),
    "aspect.joined": ("%(actor)s put an aspect back together with aspect %(letter)s", "arrow-merge"),
    "aspect.parted": ("%(actor)s split aspect %(letter)s in two", "arrows-split"),
    "aspect.proposed": ("%(actor)s proposed an aspect", "bolt"),
    "proposal.accepted": ("%(actor)s accepted a proposal as aspect %(letter)s", "check"),
    "proposal.rejected": ("%(actor)s rejected a proposed aspect", "ban"),
}

# About files of the case for somebody outside; who reads the case alone does not see these.
HANDED_OVER: dict[str, tuple[str, str]] = {
    "case_file.made": ("%(actor)s made a file of this case for somebody outside", "file-zip"),
    "case_file.taken": ("%(actor)s took a file of this case along", "download"),
    "privilege.marked": ("%(actor)s marked something as legally privileged", "shield-lock"),
    "privilege.lifted": ("%(actor)s took a mark of legal privilege away", "shield-off"),
}

# About emergency access; who reads the case alone does not see these.
EMERGENCY: dict[str, tuple[str, str]] = {
    "emergency.opened": ("%(about)s opened the case by emergency access, for %(hours)s h at most", "urgent"),
    "emergency.ended": ("%(actor)s ended the emergency access of %(about)s", "lock"),
}
