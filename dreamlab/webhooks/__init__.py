"""Webhooks: the end of a generation, told to a URL of the client's."""
