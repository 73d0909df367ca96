"""Proposes people by the languages they speak."""
