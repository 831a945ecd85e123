"""Thin anywidget classes, one for each view, of the same name as what they show."""
