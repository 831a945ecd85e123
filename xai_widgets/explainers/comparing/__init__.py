"""How alike what two models (or two layers) make of the same texts is."""
