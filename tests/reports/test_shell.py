"""The shell lets a page load nothing and run the one script that it was made with."""

import base64
import hashlib

from habitus.reports.shell import document, policy, resource


def test_a_page_without_a_script_may_run_none() -> None:
    assert "script-src" not in policy("")
    assert "<script" not in document("t", "body")


def test_the_script_is_known_by_its_hash() -> None:
    digest = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
    assert policy("let a = 1;").endswith(f"script-src 'sha256-{digest}'")
    page = document("t", script="let a = 1;")
    assert "<script>let a = 1;</script>" in page


def test_titles_and_bodies_are_escaped_and_the_style_is_inside() -> None:
    page = document("<t>", "<b>")
    assert "<title>&lt;t&gt; – habitus report</title>" in page
    assert "<body>&lt;b&gt;</body>" in page
    assert resource("page.css")[:20] in page
