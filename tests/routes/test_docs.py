"""The HTML pages without a browser: their headers, and what they list."""

from __future__ import annotations

import json
import re

from flask.testing import FlaskClient

from dreamlab.formats.catalogue import BY_SUFFIX
from dreamlab.photos.opening import SUFFIXES
from dreamlab.routes.operations import DESCRIPTION


def test_every_html_page_forbids_what_it_does_not_need(client: FlaskClient) -> None:
    pages = []
    for rule in client.application.url_map.iter_rules():
        if rule.arguments or "GET" not in (rule.methods or ()):
            continue
        answer = client.get(rule.rule)
        if answer.mimetype != "text/html":
            continue
        pages.append(rule.rule)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
        # The policy lets no script run that is written into the page.
        assert "<script>" not in answer.text and not re.search(r"<[^>]* on\w+=", answer.text)
    assert sorted(pages) == ["/", "/docs"]


def test_the_page_takes_every_image_and_offers_every_format(client: FlaskClient) -> None:
    page = client.get("/").text
    endings = [ending for endings in SUFFIXES.values() for ending in endings]
    accepted = re.findall(r'id="(\w+)"[^>]* accept="([^"]+)"', page)
    for side in ("front", "back", "left", "right"):
        assert dict(accepted)[side] == ",".join(["image/*", *endings])
    assert re.findall(r'data-form="([^"]+)"', page) == [suffix[1:] for suffix in BY_SUFFIX]


def test_the_numbers_that_the_page_takes_are_those_of_the_description(client: FlaskClient) -> None:
    page = client.get("/").text
    schemas = json.loads(DESCRIPTION.read_text("utf-8"))["components"]["schemas"]
    for name in ("steps", "octree_resolution", "seed"):
        found = re.search(rf'name="{name}" min="(\d+)" max="(\d+)"', page)
        assert found is not None
        described = schemas["GenerationForm"]["properties"][name]
        assert (int(found[1]), int(found[2])) == (described["minimum"], described["maximum"])
