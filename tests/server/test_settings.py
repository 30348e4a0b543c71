"""The settings: their parsing, their checks, and their table in dreamlab/README.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import features

from dreamlab.settings import PROJECT, InvalidSetting, Settings, load
from support.processes import run_app


def test_unset_and_empty_settings_have_their_defaults() -> None:
    assert load({}) == Settings()
    assert load({"PORT": "", "HF_TOKEN": " "}) == Settings()


def test_values_are_parsed() -> None:
    settings = load(
        {
            "HUNYUAN_SPACE_ID": "http://gpu-box:8080/",
            "GENERATION_TIMEOUT_S": "2.5",
            "MAX_GENERATIONS": "3",
            "HUNYUAN_SPACE_AUTH": "me:pass:word",
            "SENDFILE": "/internal-models/",
            "GENERATION_DEFAULTS": "texture=yes&origin=center&height_cm=90&max_faces=40000",
            "SESSIONS_DIR": "/data/sessions",
        }
    )
    assert settings.engine == "http://gpu-box:8080"
    assert (settings.generation_timeout_s, settings.max_generations) == (2.5, 3)
    assert settings.space_auth == ("me", "pass:word")
    assert settings.sendfile == "/internal-models/"
    assert settings.generation_defaults == {
        "texture": True,
        "origin": "center",
        "height_cm": 90,
        "max_faces": 40000,
    }
    assert settings.sessions_dir == Path("/data/sessions").absolute()


@pytest.mark.parametrize("scheme", ("https://", "http://", "https://www.", ""))
@pytest.mark.parametrize("rest", ("", "/", "/tree/main", "/blob/main/app.py", "?logs=build", "#x"))
def test_the_page_of_a_space_is_its_id(scheme: str, rest: str) -> None:
    for host in ("huggingface.co", "hf.co"):
        page = f"{scheme}{host}/spaces/tencent/Hunyuan3D-2{rest}"
        assert load({"HUNYUAN_SPACE_ID": page}).engine == "tencent/Hunyuan3D-2"


@pytest.mark.parametrize("engine", ("local", "tencent/Hunyuan3D-2", "https://me-mine.hf.space"))
def test_an_engine_is_local_or_a_space_or_a_url(engine: str) -> None:
    assert load({"HUNYUAN_SPACE_ID": engine}).engine == engine


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("HUNYUAN_SPACE_ID", "tencent"),
        ("HUNYUAN_SPACE_ID", "ftp://box"),
        ("HUNYUAN_SPACE_ID", "http://me:secret@box"),
        ("HUNYUAN_SPACE_AUTH", "me"),
        ("GENERATION_TIMEOUT_S", "0"),
        ("GENERATION_TIMEOUT_S", "nan"),
        ("MAX_GENERATIONS", "0"),
        ("MAX_GENERATIONS", "many"),
        ("MAX_UPLOAD_MB", "-1"),
        ("TRUSTED_PROXIES", "1.5"),
        ("SENDFILE", "internal-models/"),
        ("SENDFILE", "/"),
        ("SENDFILE", "/internal models/"),
        ("SENDFILE", "1"),
        ("PORT", "70000"),
        ("LOG_FORMAT", "xml"),
        ("CELERY_BROKER_URL", "rabbitmq-host"),
        ("CELERY_RESULT_BACKEND", "amqp://host"),
        ("GENERATION_QUEUE", "fast"),
        ("GENERATION_DEFAULTS", "texture"),
        ("GENERATION_DEFAULTS", "texture=perhaps"),
        ("GENERATION_DEFAULTS", "height_cm=0&origin=center"),
        ("GENERATION_DEFAULTS", "height=90"),
        ("MAX_QUEUE", "0"),
        ("MAX_GENERATIONS_PER_SESSION", "0"),
    ),
)
def test_an_invalid_value_is_reported_in_one_line_with_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name} [^\n]*$"):
        load({name: value})


def test_an_invalid_setting_stops_the_start() -> None:
    done = run_app(PORT="none")
    assert done.returncode == 2
    assert done.stderr == "PORT must be a whole number from 1 to 65535, not 'none'\n"


def test_the_app_imports_nothing_that_only_some_settings_need(tmp_path: Path) -> None:
    unused = ["gradio", "skimage", "trimesh", "prometheus_client", "celery", "kombu", "redis"]
    # Pillow before 11 imports numpy itself where that is installed.
    unused += ["dreamlab.cluster"] + ["numpy"] * (features.version("pil") >= "11")
    code = f"import sys, app; app.create_app(); print([m for m in {unused} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "SESSIONS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_a_broker_needs_a_result_backend() -> None:
    broker = {"CELERY_BROKER_URL": "amqp://host"}
    with pytest.raises(InvalidSetting, match="CELERY_RESULT_BACKEND"):
        load(broker)
    settings = load({**broker, "CELERY_RESULT_BACKEND": "redis://host"})
    assert settings.generation_queue == ("plain", "textured")


def test_the_readme_has_one_row_per_setting_with_its_default() -> None:
    readme = (PROJECT / "dreamlab" / "README.md").read_text("utf-8")
    section = readme.split("\n## Settings\n")[1]
    table = section.split("\n## ")[0]
    rows = [re.split(r"(?<!\\)\|", line) for line in table.splitlines() if line.startswith("| `")]
    documented = [(row[1].strip().strip("`"), row[2].strip()) for row in rows]
    settings = [(field.metadata["name"], field.metadata["default"]) for field in fields(Settings)]
    assert [name for name, _ in documented] == [name for name, _ in settings]
    for (name, cell), (_, default) in zip(documented, settings):
        # A setting without a default has an empty cell, or words that are no value.
        assert cell == f"`{default}`" if default else "`" not in cell, name
