"""Messages that the mailbox keeps."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.mailbox.letters import Letters


def message(message_id: str | None, subject: str = "Aceh") -> bytes:
    """Return a message as it comes over SMTP."""
    head = [] if message_id is None else [f"Message-ID: {message_id}"]
    return "\r\n".join([*head, f"Subject: {subject}", "To: gubernur@aceh.test", "", "40,00%", ""]).encode()


def test_the_newest_is_first(tmp_path: Path) -> None:
    """By the time at which it was kept."""
    letters = Letters(tmp_path)
    for age, name in enumerate(("new", "middle", "old")):
        letters.keep(message(f"<{name}@x>"))
        os.utime(tmp_path / f"{name}@x.eml", (1_000_000 - age, 1_000_000 - age))
    assert [letter.name for letter in letters.all()] == ["new@x", "middle@x", "old@x"]


def test_a_message_without_an_id_is_kept_by_its_content(tmp_path: Path) -> None:
    """The same content is one message."""
    letters = Letters(tmp_path)
    names = [letters.keep(message(None)), letters.keep(message(None)), letters.keep(message(None, "other"))]
    assert names[0] == names[1] != names[2]
    assert len(letters.all()) == 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(min_size=1, max_size=300), st.sampled_from(["../x", "/etc/x", "..", ".", "a\0b", "%2e%2e"])))
def test_no_message_id_leads_out_of_the_folder(tmp_path: Path, message_id: str) -> None:
    """Whatever a sender writes, the message is a file of this folder and can be read by its name."""
    folder = tmp_path / "mailbox"
    letters = Letters(folder)
    name = letters.keep(message(f"<{message_id}>"))
    assert (folder / f"{name}.eml").parent.resolve() == folder.resolve()
    assert letters.get(name) is not None
    assert {path.name for path in tmp_path.iterdir()} == {"mailbox"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.sampled_from(
        [
            b"Content-Type: text/plain; charset=nonsense\r\n\r\nx", b"To: <:>\r\nSubject: =?x?b?=?=\r\n\r\nx",
            b"Content-Type: multipart/mixed; boundary=\r\n\r\n", b"Date: \x00\r\nSubject: \xff\r\n\r\n\xff",
            b"Message-ID: <:>\r\nTo: @,;:<\r\nContent-Transfer-Encoding: base64\r\n\r\n=",
        ]
    )
)  # fmt: skip
def test_one_broken_mail_does_not_hide_the_others(tmp_path: Path, broken: bytes) -> None:
    """Whatever came over SMTP is listed, and so is a good message beside it."""
    letters = Letters(tmp_path / "mailbox")
    letters.keep(message("<good@x>"))
    name = letters.keep(broken)
    assert {"good@x", name} <= {letter.name for letter in letters.all()}
    assert letters.get(name) is not None
