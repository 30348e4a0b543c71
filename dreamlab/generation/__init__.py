"""One generation, from its form to a saved model."""
