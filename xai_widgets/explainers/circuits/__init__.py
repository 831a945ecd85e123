"""Which parts of a model work together: graphs of who reads whom."""
