"""The three errors a plugin may raise on purpose; everything else counts as a fault of the plugin."""


class PluginFault(Exception):
    """Common ground of the three; its text is shown to a person, so it names the remedy."""


class Transient(PluginFault):
    """Try again later: the other side is busy, slow or away. Core repeats with growing pauses."""


class Permanent(PluginFault):
    """Trying again cannot help: a person must look. Core parks the work and shows the text."""


class Misconfigured(PluginFault):
    """A setting is missing or wrong: core tells the administrator and rests the plugin's work."""
