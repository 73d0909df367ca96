"""Files of a case for somebody outside: what goes in and why something is left out, and the ZIP with its hashes."""
