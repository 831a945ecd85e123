"""The only place that knows transformers and module paths; the rest of the package sees `base`."""
