"""What attention does: its weights, what heads do, whether it matters, how it flows."""
