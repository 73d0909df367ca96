"""Rights of consumers in California and other states of the US."""
