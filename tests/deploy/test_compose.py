"""deploy/compose.yaml and what its containers read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict

import pytest

from dreamlab.settings import PROJECT
from support.needs import need

DEPLOY = PROJECT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"


@pytest.fixture(scope="module")
def services() -> Dict[str, Any]:
    need(find_spec("check_jsonschema") is not None, "check-jsonschema, which needs Python 3.10")
    from ruamel.yaml import YAML

    found: Dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    return found


@pytest.mark.usefixtures("services")
def test_the_file_fits_the_schema_of_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(COMPOSE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_profile_there_is_the_api_alone(services: Dict[str, Any]) -> None:
    profiles = {name: service.get("profiles") for name, service in services.items()}
    assert profiles.pop("alone") is None
    assert {name: ["cluster"] for name in profiles} == profiles


def test_each_container_of_the_image_is_confined(services: Dict[str, Any]) -> None:
    ours = {name: service for name, service in services.items() if service["image"] == "dreamlab"}
    assert len(ours) == 6
    for name, service in ours.items():
        assert service["read_only"] and service["tmpfs"] == "/tmp", name
        assert service["cap_drop"] == ["ALL"], name
        assert service["environment"]["SESSIONS_DIR"] == "/sessions", name
        assert service["stop_grace_period"] == "45s", name


def test_ports_are_published_on_this_host_only(services: Dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_the_files_that_are_mounted_exist(services: Dict[str, Any]) -> None:
    mounts = [mount for service in services.values() for mount in service.get("volumes", [])]
    files = [mount.partition(":")[0] for mount in mounts if mount.startswith(".")]
    assert files and all((DEPLOY / file).is_file() for file in files)


def test_nginx_accepts_its_configuration(services: Dict[str, Any], tmp_path: Path) -> None:
    need(shutil.which("nginx") is not None, "nginx")
    shell, option, script = services["nginx"]["command"]
    edit, _, start = script.partition(" && ")
    assert start.startswith("exec nginx -c /tmp/nginx.conf ")
    conf = tmp_path / "nginx.conf"
    edit = edit.replace("/tmp/nginx.conf", str(conf))
    edit = edit.replace("/etc/dreamlab/nginx.conf", str(DEPLOY / "nginx.conf"))
    subprocess.run([shell, option, edit], check=True)
    text = conf.read_text("utf-8")
    assert "127.0.0.1" not in text and "listen 8080;" in text
    for name in ("front-end-1", "front-end-2"):
        address = services[name]["networks"]["default"]["ipv4_address"]
        assert text.count(f"server {address}:5000 ") == 1
    check = ["nginx", "-t", "-p", str(tmp_path), "-e", "stderr", "-c", str(conf)]
    done = subprocess.run(
        [*check, "-g", f"pid {tmp_path}/nginx.pid;"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_prometheus_accepts_its_configuration(services: Dict[str, Any]) -> None:
    need(shutil.which("promtool") is not None, "promtool")
    conf = DEPLOY / "prometheus.yml"
    subprocess.run(["promtool", "check", "config", str(conf)], check=True)
    for name in ("front-end-1", "front-end-2"):
        assert name in services and f"{name}:5000" in conf.read_text("utf-8")
