"""The HTML pages: the one at `/` and the description of the API at `/docs`."""
