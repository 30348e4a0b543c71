"""The journey with the client that openapi-python-client generates. Prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dream_lab_backend_client import Client
from dream_lab_backend_client.api.models import (
    delete_model,
    download_model,
    list_models,
    process_furniture_image,
)
from dream_lab_backend_client.api.sessions import delete_session, generate_session_id
from dream_lab_backend_client.api.uploads import list_uploads
from dream_lab_backend_client.models import GenerationForm
from dream_lab_backend_client.types import File

url, photo = sys.argv[1], Path(sys.argv[2])
with Client(base_url=url) as client:
    session = generate_session_id.sync(client=client).session_id
    with photo.open("rb") as file:
        form = GenerationForm(image=File(file, photo.name), seed=5, texture=False)
        made = process_furniture_image.sync(session, client=client, body=form)
    again = process_furniture_image.sync(
        session, client=client, body=GenerationForm(upload=made.filename, remove_background=True)
    )
    seen = {
        "filenames": [made.filename, again.filename],
        "models": list_models.sync(session, client=client).models,
        "uploads": [
            upload.filename for upload in list_uploads.sync(session, client=client).uploads
        ],
        # It has no parser for this content type.
        "bytes": len(download_model.sync_detailed(session, made.model, client=client).content),
        "deleted": int(delete_model.sync_detailed(session, made.model, client=client).status_code),
        "error": download_model.sync(session, made.model, client=client).code,
    }
    delete_session.sync_detailed(session, client=client)
    seen["end"] = list_models.sync(session, client=client).code
print(json.dumps(seen))
