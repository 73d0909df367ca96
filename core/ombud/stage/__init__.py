"""What core lends the conformance kit: a desk to stand on, eyes on the plugin, and neighbours that misbehave."""
