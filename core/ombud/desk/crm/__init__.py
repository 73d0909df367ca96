"""Customer systems beside the case: asked in the work process, kept as snapshots, chosen by people, told at closure."""
