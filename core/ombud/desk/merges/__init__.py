"""Cases that belong together: merged and parted again, split, and found alike. A merge is a link and an event; what
moved is written down row by row, so that it can be undone at any time."""
