"""Promises every registered method, adapter and view keeps."""
