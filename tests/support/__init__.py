"""What the tests use and what is no test: servers, clients, pictures, a browser."""
