"""Complaints to entities of the Polish financial market."""
