"""The DreamLab backend: HTTP routes, generations, storage and the connection to a generator."""
