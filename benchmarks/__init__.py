"""Measurements of how good the stand-in's models are; nothing here is a test."""
