"""Payments: from a granted line to the payee, never twice, and back to the aspect with what became of them."""
