"""Trains the recognition and shape network; nothing here is imported at run time."""
