"""Plain values and parts by themselves; no model."""
