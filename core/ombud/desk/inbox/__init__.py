"""The one inbox: what came in on any channel, whom it belongs to, and whether it is a complaint."""
