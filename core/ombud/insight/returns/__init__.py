"""Returns to regulators: collected from cases, checked, frozen, signed, filed and amended. Figures open to cases."""
