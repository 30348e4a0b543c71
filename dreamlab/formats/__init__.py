"""The formats of a model: which there are, their writers, and the processes that run these."""
