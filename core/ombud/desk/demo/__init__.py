"""A demonstration firm of a year's complaints, loaded through the desk's own commands and removed without a trace."""
