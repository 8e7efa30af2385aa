"""The catalogue of words: each that a page says is there, and each that is there is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from string import Formatter

from services.coverage.pages.words import WORDS

PAGES = resources.files("services.coverage.pages")
PREFIXES = (
    "role_", "basis_", "measure_", "payer_", "group_", "state_", "flow_", "segment_", "programme_", "axis_", "sort_",
    "filter_", "children_of_", "level_", "kind_", "alert_", "severity_", "error_", "problem_", "monev_",
    "term_",
)  # fmt: skip
"""Words that are found by a value, such as a payer's."""


def sources() -> Iterator[str]:
    """Yield the text of every template, and of the code that says words."""
    templates = PAGES / "templates"
    for folder in (templates, templates / "components"):
        yield from (file.read_text() for file in folder.iterdir() if file.name.endswith(".html"))
    yield from ((PAGES / name).read_text() for name in ("tables.py", "rendering.py"))
    yield from (
        (PAGES / "http" / name).read_text() for name in ("due.py", "quota.py", "designations.py", "past.py", "frame.py")
    )


def test_every_word_that_a_template_says_is_in_the_catalogue() -> None:
    """A missing one would be an error on the page that says it."""
    said = {word for text in sources() for word in re.findall(r"""\bt\(['"](\w+)['"]\s*[,)]""", text)}
    assert len(said) > 100
    assert said - WORDS.keys() == set()


def test_every_word_is_said_somewhere() -> None:
    """By its name, or by a prefix with a value."""
    text = "\n".join(sources())
    unsaid = [w for w in WORDS if not w.startswith(PREFIXES) and not re.search(rf"""['"]{re.escape(w)}['"]""", text)]
    assert unsaid == []


def test_both_languages_have_the_same_parts() -> None:
    """And none is left empty."""
    for word, texts in WORDS.items():
        parts = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
        assert parts[0] == parts[1], word
        assert all(texts), word
