"""How heated a customer's English message sounds, by the words of a lexicon."""
