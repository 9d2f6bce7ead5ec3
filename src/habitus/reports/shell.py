"""The shell of every page: head, style and a policy that lets it load nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from habitus.reports.markup import Html, el, join


def document(title: str, *body: object, script: str = "") -> str:
    """Return a whole page: no network, no dependency, and only the script that it was made with."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy(script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{title} – habitus report"),
        el("style", Html(resource("page.css"))),
    )
    run = el("script", Html(script)) if script else None
    page = el("html", head, el("body", *body, run), lang="en")
    return "<!DOCTYPE html>\n" + join([page])


def policy(script: str) -> str:
    """Return the content security policy: nothing is loaded, one script may run."""
    styles = "default-src 'none'; style-src 'unsafe-inline'"
    if not script:
        return styles
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"{styles}; script-src 'sha256-{digest}'"


def resource(name: str) -> str:
    """Return a file that lies beside this one."""
    return resources.files("habitus.reports").joinpath(name).read_text(encoding="utf-8")
