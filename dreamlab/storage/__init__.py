"""The sessions on disk."""
