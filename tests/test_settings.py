from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import features

from dreamlab.settings import InvalidSetting, Settings, load

PROJECT = Path(__file__).resolve().parent.parent


def test_nothing_set_gives_the_defaults() -> None:
    assert load({}) == Settings()
    assert load({"PORT": "", "HF_TOKEN": " "}) == Settings()


def test_values_are_read() -> None:
    settings = load(
        {
            "HUNYUAN_SPACE_ID": "http://gpu-box:8080/",
            "GENERATION_TIMEOUT_S": "2.5",
            "MAX_GENERATIONS": "3",
            "SENDFILE": "/internal-models/",
            "SESSIONS_DIR": "/data/sessions",
        }
    )
    assert settings.engine == "http://gpu-box:8080"
    assert (settings.generation_timeout_s, settings.max_generations) == (2.5, 3)
    assert settings.sendfile == "/internal-models/"
    assert settings.sessions_dir == Path("/data/sessions")


@pytest.mark.parametrize("engine", ("local", "tencent/Hunyuan3D-2", "https://me-mine.hf.space"))
def test_an_engine_is_local_a_space_or_a_url(engine: str) -> None:
    assert load({"HUNYUAN_SPACE_ID": engine}).engine == engine


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("HUNYUAN_SPACE_ID", "tencent"),
        ("HUNYUAN_SPACE_ID", "ftp://box"),
        ("HUNYUAN_SPACE_ID", "http://me:secret@box"),
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
    ),
)
def test_a_value_without_sense_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name} [^\n]*$"):
        load({name: value})


def test_a_wrong_setting_stops_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=PROJECT,
        env={**os.environ, "PORT": "none"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr == "PORT must be a whole number from 1 to 65535, not 'none'\n"


def test_importing_the_app_stays_light() -> None:
    # Pillow before 11 imports numpy itself where that is installed.
    heavy = ["gradio", "skimage", "trimesh"] + ["numpy"] * (features.version("pil") >= "11")
    code = f"import sys, app; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "value"),
    (
        ("CELERY_BROKER_URL", "rabbitmq-host"),
        ("CELERY_RESULT_BACKEND", "amqp://host"),
        ("GENERATION_QUEUE", "fast"),
        ("MAX_QUEUE", "0"),
        ("MAX_GENERATIONS_PER_SESSION", "0"),
    ),
)
def test_a_task_queue_s_settings_are_checked_too(name: str, value: str) -> None:
    both = {"CELERY_BROKER_URL": "amqp://host", "CELERY_RESULT_BACKEND": "redis://host"}
    assert load(both).generation_queue == ("plain", "textured")
    with pytest.raises(InvalidSetting, match=f"^{name} [^\n]*$"):
        load({**both, name: value})


def test_a_broker_without_a_result_backend_is_no_task_queue() -> None:
    with pytest.raises(InvalidSetting, match="CELERY_RESULT_BACKEND"):
        load({"CELERY_BROKER_URL": "amqp://host"})


def test_without_a_broker_nothing_of_celery_is_imported() -> None:
    program = (
        "import sys, app; app.create_app();"
        " assert not {'celery', 'kombu', 'redis', 'dreamlab.cluster'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)
