"""MongoDB's URI has a password in it, so it may come from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.settings import CommonSettings


def test_the_uri_in_the_file_is_the_one_that_is_used(tmp_path: Path) -> None:
    """Files of secret stores often end with a line break."""
    file = tmp_path / "uri"
    file.write_text("mongodb://registry@db/\n")
    assert CommonSettings(mongodb_uri_file=file).mongodb_uri == "mongodb://registry@db/"


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    """Otherwise the service would look for a database on its own machine."""
    with pytest.raises(ValueError, match=r"uri must hold MongoDB's URI \(FileNotFoundError\)"):
        CommonSettings(mongodb_uri_file=tmp_path / "uri")
