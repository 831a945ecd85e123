"""The wire of single views, a file each; what all views share is in `schema`."""
