"""Answers outside a running notebook: a text table, a drawing, a page, a file."""
