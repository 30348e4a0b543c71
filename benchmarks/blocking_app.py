"""A FastAPI app that generates inside its event loop, as image-to-3D servers commonly do."""

from __future__ import annotations

import os
import time
from typing import Any, Dict

import uvicorn
from fastapi import FastAPI, Request

SECONDS = float(os.environ["GENERATION_S"])
app = FastAPI()


@app.post("/generate")
async def generate(request: Request) -> Dict[str, Any]:
    """Read the photo, then block the event loop as a generation does."""
    photo = await request.body()
    time.sleep(SECONDS)
    return {"bytes": len(photo)}


@app.get("/status")
async def status() -> Dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
