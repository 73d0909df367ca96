"""Tables of the plugin as they grew."""
