"""A CPU stand-in for a Hunyuan3D Gradio server. It is not Hunyuan3D and says so."""
