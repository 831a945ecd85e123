"""Plain values and pure functions: what is asked, what was answered, and how the two are named."""
