"""Helpers of the tests: servers, clients, test images and a browser."""
