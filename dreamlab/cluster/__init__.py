"""Generations on Celery workers, on one machine or many."""
