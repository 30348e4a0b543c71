"""The connection to a Gradio server (a Space)."""
