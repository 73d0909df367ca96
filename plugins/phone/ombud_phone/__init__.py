"""Complaints by telephone and in person: guided entry while talking, and the recordings of calls."""
