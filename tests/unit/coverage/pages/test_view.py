"""Addresses that lead on: in the same language, of the same days."""

from __future__ import annotations

from services.coverage.pages.view import View

ENGLISH = View("en", "/wilayah/63.10", {"as_of": "2026-10-31", "filter": ["at_zero", "quota_missed"]}, base="https://x")


def test_links_keep_the_language_and_the_days() -> None:
    """Indonesian is the default and is not named; the nation's page is the first one."""
    assert ENGLISH.region("63") == "/wilayah/63?as_of=2026-10-31&lang=en"
    assert ENGLISH.region("ID") == "/?as_of=2026-10-31&lang=en"
    assert ENGLISH.region("ID", "kuota", kelompok="vulnerable").startswith(
        "/wilayah/ID/kuota?as_of=2026-10-31&kelompok"
    )
    assert ENGLISH.now("63") == "/wilayah/63?lang=en"
    assert View("id", "/").region("63.10") == "/wilayah/63.10"


def test_the_same_page_with_other_parameters_keeps_the_rest() -> None:
    """Also a name that came twice; None takes one out."""
    assert ENGLISH.same(cursor="x") == (
        "/wilayah/63.10?as_of=2026-10-31&filter=at_zero&filter=quota_missed&cursor=x&lang=en"
    )
    assert ENGLISH.same(as_of=None, filter=None) == "/wilayah/63.10?lang=en"
    assert ENGLISH.other_language == "/wilayah/63.10?as_of=2026-10-31&filter=at_zero&filter=quota_missed"
    assert ENGLISH.permalink.startswith("https://x/wilayah/63.10?")


def test_what_a_reader_wrote_is_quoted() -> None:
    """A path or a value cannot leave its place in an address."""
    assert View("id", '/wilayah/"><script>').same(q="a&b=c") == "/wilayah/%22%3E%3Cscript%3E?q=a%26b%3Dc"
