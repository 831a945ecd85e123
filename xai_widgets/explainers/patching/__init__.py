"""Proof by changing: activations of one text put into the pass of another."""
