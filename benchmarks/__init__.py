"""Measurements of the backend's costs and of the quality of the stand-in's models."""
