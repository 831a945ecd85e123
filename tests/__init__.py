"""The tests: what each folder proves is in CONTRIBUTING.md."""
