# Needs `pip install httpx`.
from pathlib import Path

import httpx

with httpx.Client(base_url="http://127.0.0.1:5000") as api:
    # Create a session.
    session_id = api.get("/api/generate_session_id").raise_for_status().json()["session_id"]

    # Upload a photo. The answer comes at once. It is a generation, which has a URL of its own.
    accepted = api.post(
        f"/api/process_furniture_image/{session_id}",
        files={"image": ("chair.jpg", Path("chair.jpg").read_bytes())},
        headers={"Prefer": "respond-async"},
    )
    generation_id = accepted.raise_for_status().json()["generation_id"]
    url = f"/api/sessions/{session_id}/generations/{generation_id}"

    # Stream its events, to the last one.
    with api.stream("GET", url, headers={"Accept": "text/event-stream"}) as events:
        for line in events.iter_lines():
            print(line)

    # Pick it up again: after a lost connection, or tomorrow.
    generation = api.get(url).raise_for_status().json()
    if generation["error"]:
        raise SystemExit(generation["error"]["error"])
    model = generation["result"]

    # Download the model.
    Path(model["model"]).write_bytes(api.get(model["model_url"]).raise_for_status().content)
