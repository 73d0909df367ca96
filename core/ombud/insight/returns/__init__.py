"""Returns to regulators: collected from cases, checked, frozen, signed, filed and amended; any figure opens to its cases."""
