"""A real kernel in a real JupyterLab in a real browser."""
