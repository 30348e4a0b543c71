"""A CPU stand-in for a Hunyuan3D Gradio server. It is not Hunyuan3D and says so."""

import os

# onnxruntime 1.32 and later report to Microsoft from Linux and macOS, too, and leave a file in the
# temporary folder. They read this when they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
