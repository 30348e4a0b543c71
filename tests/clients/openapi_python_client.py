"""The journey with the client that openapi-python-client generates. Prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from dream_lab_backend_client import Client
from dream_lab_backend_client.api.generations import (
    delete_generation,
    describe_generation,
    list_generations,
)
from dream_lab_backend_client.api.models import (
    delete_model,
    describe_models,
    download_model,
    list_models,
    process_furniture_image,
)
from dream_lab_backend_client.api.sessions import delete_session, generate_session_id
from dream_lab_backend_client.api.uploads import list_uploads
from dream_lab_backend_client.models import GenerationForm, GenerationState
from dream_lab_backend_client.types import File

url, photo = sys.argv[1], Path(sys.argv[2])
with Client(base_url=url) as client:
    session = generate_session_id.sync(client=client).session_id

    def start(form: GenerationForm) -> GenerationState:
        return process_furniture_image.sync(
            session, client=client, body=form, prefer="respond-async"
        )

    def follow(state: GenerationState) -> GenerationState:
        while state.ended is None:
            time.sleep(0.02)
            state = describe_generation.sync(session, state.generation_id, client=client)
        return state

    def download(name: str) -> bytes:
        return download_model.sync(session, name, client=client).payload.read()

    with photo.open("rb") as file:
        first = follow(start(GenerationForm(image=File(file, photo.name), seed=5, texture=False)))
    made = first.result
    again = process_furniture_image.sync(
        session, client=client, body=GenerationForm(upload=made.filename, remove_background=True)
    )
    endless = start(GenerationForm(upload=made.filename, caption="endless"))
    cancelled = delete_generation.sync_detailed(session, endless.generation_id, client=client)
    described = describe_models.sync(session, client=client).models[0]
    generations = list_generations.sync(session, client=client).generations
    seen = {
        "filenames": [made.filename, again.filename],
        "models": list_models.sync(session, client=client).models,
        "triangles": described.triangles,
        "uploads": [
            upload.filename for upload in list_uploads.sync(session, client=client).uploads
        ],
        "whole": len(download(made.model)) == described.bytes_,
        "stl bytes": len(download(made.model.replace(".glb", ".stl"))),
        "cancelled": int(cancelled.status_code),
        "generations": [generation.status for generation in generations],
        "reason": follow(endless).error.code,
        "deleted": int(delete_model.sync_detailed(session, made.model, client=client).status_code),
        "error": download_model.sync(session, made.model, client=client).code,
    }
    delete_session.sync_detailed(session, client=client)
    seen["end"] = list_models.sync(session, client=client).code
print(json.dumps(seen))
