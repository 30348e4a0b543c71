"""The forms of a model: which there are, and how they are made in processes of their own."""
