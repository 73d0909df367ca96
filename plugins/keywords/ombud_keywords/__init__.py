"""Proposes aspects by lists of words."""
