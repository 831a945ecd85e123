"""What crosses to the browser, read by both languages."""
