"""Measurements of what the backend costs and how good the stand-in's models are; no tests."""
