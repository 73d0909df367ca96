"""What the firm says: written, held for a while, approved where a rule asks for it, handed over, accounted for."""
