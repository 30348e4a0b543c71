"""The HTML pages without a browser: their headers."""

from __future__ import annotations

import re

from flask.testing import FlaskClient


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
