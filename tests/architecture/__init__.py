"""Arrows between folders, and what the wheel holds."""
