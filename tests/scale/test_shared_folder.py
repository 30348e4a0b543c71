"""Several hosts write to one folder of sessions. Network namespaces take the place of hosts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from dreamlab.storage.store import SessionStore
from support.needs import need
from support.processes import PROJECT

HOSTS = 2
PROCESSES = 3
ROUNDS = 12

# One process of one host: all operations of the store, at the same time as the other processes.
WORK = """
import io, json, os, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from dreamlab.storage.store import SessionStore
from dreamlab.storage.uploads import NewUpload
from support.models import save as save_model
from support.models import glb_bytes
store = SessionStore(Path(sys.argv[2]))
store.prepare()
session_id, me, rounds = sys.argv[3], sys.argv[4], int(sys.argv[5])
session = store.open(session_id)
print("ready", flush=True)
sys.stdin.readline()
uploads, models, reserved, shared = [], [], [], []
for number in range(rounds):
    content = f"{me} {number}".encode()
    name = session.uploads.keep([NewUpload(io.BytesIO(content), "chair.png", [".png"])])[0]
    uploads.append((name, content.decode()))
    with session.draft() as draft:
        draft.write_bytes(glb_bytes(f"{me} {number}"))
        models.append((save_model(session, draft, "chair.png"), f"{me} {number}"))
    name = session.reserve("chair.png")
    reserved.append(name)
    with session.draft() as draft:
        draft.write_bytes(glb_bytes(name))
        session.stage(draft, name)
    session.publish(name)
    # All processes save these. One of them is the first.
    with session.draft() as draft:
        draft.write_bytes(glb_bytes(me))
        session.stage(draft, f"shared-{number}.glb")
    session.publish(f"shared-{number}.glb")
    # The first process that finds an expired session removes it.
    os.utime(store.create().folder, (0, 0))
    store.sweep(3600)
    session.models()
print(json.dumps({"uploads": uploads, "models": models, "reserved": reserved}))
"""


@pytest.fixture
def hosts() -> Iterator[List[str]]:
    need(shutil.which("ip") is not None, "ip")
    names = [f"dreamlab-{os.getpid()}-{number}" for number in range(HOSTS)]
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=True)


def test_concurrent_hosts_lose_nothing_and_share_no_name(hosts: List[str], tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    session = SessionStore(root).create()
    processes = [
        subprocess.Popen(
            [
                *("ip", "netns", "exec", host, sys.executable, "-c", WORK, str(PROJECT)),
                *(str(root), session.id, f"{host} {number}", str(ROUNDS)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for host in hosts
        for number in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    results = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        results.append(json.loads(output))

    uploads: Dict[str, str] = {name: text for result in results for name, text in result["uploads"]}
    models: Dict[str, str] = {name: text for result in results for name, text in result["models"]}
    reserved = [name for result in results for name in result["reserved"]]
    count = HOSTS * PROCESSES * ROUNDS
    assert len(uploads) == len(models) == len(reserved) == len(set(reserved)) == count
    for name, text in uploads.items():
        assert (session.folder / "uploads" / name).read_text() == text
    for name, text in [*models.items(), *zip(reserved, reserved)]:
        assert json.dumps(text).encode() in (session.folder / "models" / name).read_bytes()
    shared = [f"shared-{number}.glb" for number in range(ROUNDS)]
    assert sorted(session.models()) == sorted([*models, *reserved, *shared])
    assert not list(root.rglob(".tmp-*"))
