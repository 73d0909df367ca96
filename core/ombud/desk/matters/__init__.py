"""What a matter is worked on with: evidence, promised tasks, playbooks, pinned passages, links, moves and proposals."""
