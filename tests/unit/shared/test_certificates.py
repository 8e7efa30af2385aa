"""The end of the authorities that we trust is a metric."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.adapters.certificates import show_expiry
from shared.adapters.settings import CommonSettings
from tests.certificates import Authority

METRIC = "trusted_ca_expiration_timestamp_seconds"


def test_the_end_of_a_mounted_certificate_is_shown(tmp_path: Path) -> None:
    """The authority of the test is valid for a day; a renewed file is read without a restart."""
    registry, file, now = CollectorRegistry(), tmp_path / "ca.pem", datetime.now(UTC)
    show_expiry({"kafka": file}, registry)
    assert registry.get_sample_value(METRIC, {"server": "kafka"}) == 0
    Authority("a").write(file)
    ends = registry.get_sample_value(METRIC, {"server": "kafka"})
    assert ends is not None
    assert now + timedelta(hours=23) < datetime.fromtimestamp(ends, UTC) < now + timedelta(hours=25)


def test_a_file_without_a_certificate_is_as_bad_as_an_expired_one(tmp_path: Path) -> None:
    """It shows 0, so the same alert fires."""
    registry, file = CollectorRegistry(), tmp_path / "ca.pem"
    file.write_text("nothing")
    show_expiry({"mongodb": file}, registry)
    assert registry.get_sample_value(METRIC, {"server": "mongodb"}) == 0


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://u:p@m/?tls=true&tlsCAFile=/run/secrets/ca.crt", {"mongodb": Path("/run/secrets/ca.crt")}),
        ("mongodb://m/?tlscafile=%2Frun%2Fca.crt", {"mongodb": Path("/run/ca.crt")}),
        ("mongodb://m/?directConnection=true", {}),
    ],
)
def test_the_files_are_those_of_the_settings(uri: str, expected: dict[str, Path]) -> None:
    """MongoDB's stands in its URI, whose options may be written in any case."""
    assert CommonSettings(mongodb_uri=uri).authorities == expected
    kafka = CommonSettings(mongodb_uri=uri, kafka_ca_file=Path("ca.pem"))
    assert kafka.authorities == {"kafka": Path("ca.pem")} | expected
