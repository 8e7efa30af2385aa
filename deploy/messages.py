"""Examples of messages for docs/messages: as files, and as pictures of a phone that is 360 pixels wide.

A test compares the files with what the code writes. Pictures need Chromium
(Debian: `apt-get install chromium-headless-shell`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image, ImageChops

from services.notifier.engine.decisions import Occasion
from services.notifier.messages.compose import Composer
from services.notifier.messages.message import Message, MessageFacts
from services.notifier.messages.samples import sample_digest, sample_message
from services.notifier.messages.words import LANGUAGES

_BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_WIDTH: Final = 360
_HEIGHT: Final = 3000
"""Higher than any sample; what stays white below is cut off."""
_EDGE: Final = 12
_SHOWN: Final = {
    Occasion.RAISED: "threshold", Occasion.ESCALATED: "lapse_ahead", Occasion.REPEATED: "quota",
    Occasion.RECOVERED: "behind",
}  # fmt: skip
"""Each occasion with another kind of rule."""


def main(folder: Path) -> None:
    """Write the files of all samples, then a picture of each as HTML and as text."""
    folder.mkdir(parents=True, exist_ok=True)
    composer = Composer()
    messages = {name: composer.compose(facts) for name, facts in samples()}
    for name, message in messages.items():
        for file, content in files_of(name, message).items():
            (folder / file).write_text(content, encoding="utf-8")
    browser = browser_path()
    for name, message in messages.items():
        for form, page in (("html", _with_picture(message)), ("text", _as_page(message))):
            _draw(browser, page, folder / f"{name}.{form}.png")
            sys.stdout.write(f"{name}.{form}.png\n")


def browser_path() -> str:
    """Return where the system's browser is. Raises: SystemExit that says what to install."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise SystemExit(f"found no Chromium: install it (Debian: apt-get install {_BROWSERS[0]})")
    return found


def files_of(name: str, message: Message) -> dict[str, str]:
    """Return the files of a message: its HTML, and its subject, text, short form and alternatives of pictures."""
    parts = (message.subject, message.text, message.short, *(picture.alt for picture in message.pictures))
    return {f"{name}.html": message.html, f"{name}.txt": f"\n{'-' * 72}\n".join(parts) + "\n"}


def samples() -> Iterator[tuple[str, MessageFacts]]:
    """Yield a name and the facts of each example."""
    for language in LANGUAGES:
        for occasion, kind in _SHOWN.items():
            yield f"{occasion.value}.{language}", sample_message(kind, occasion, language)
        yield f"digest.{language}", sample_digest(language)


def _with_picture(message: Message) -> str:
    """Return the HTML with its pictures inside and the subject above it, as a program for mail shows them."""
    html = message.html
    for picture in message.pictures:
        html = html.replace(f"cid:{picture.name}", f"data:image/png;base64,{b64encode(picture.png).decode()}")
    head, body, rest = html.partition("<body")
    opened, end, inside = rest.partition(">")
    return f"{head}{body}{opened}{end}{_subject(message)}{inside}"


def _as_page(message: Message) -> str:
    """Return the plain text, then the short form, as a phone shows them."""
    form = '<pre style="white-space:pre-wrap;overflow-wrap:anywhere;font:15px/1.4 monospace;margin:0;padding:16px">'
    parts = (f"{form}{escape(text)}</pre>" for text in (message.text, message.short))
    return f'<meta charset="utf-8"><body style="margin:0">{_subject(message)}{"<hr>".join(parts)}</body>'


def _subject(message: Message) -> str:
    style = "font:600 17px/1.35 sans-serif;margin:0;padding:12px 16px;background:#eeeeee;overflow-wrap:anywhere"
    return f'<p style="{style}">{escape(message.subject)}</p>'


def _draw(browser: str, page: str, to: Path) -> None:
    with TemporaryDirectory() as folder:
        source, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        # A frame, since a window of Chromium is never narrower than 500 pixels.
        framed = f'<iframe srcdoc="{escape(page)}" style="border:0;width:{_WIDTH}px;height:{_HEIGHT}px"></iframe>'
        source.write_text(f'<meta charset="utf-8"><body style="margin:0">{framed}</body>', encoding="utf-8")
        subprocess.run(  # noqa: S603
            [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", f"--screenshot={shot}",
             f"--user-data-dir={folder}/profile", f"--window-size=500,{_HEIGHT}", source.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        image = Image.open(shot).convert("RGB").crop((0, 0, _WIDTH, _HEIGHT))
        white = Image.new("RGB", image.size, "white")
        drawn = ImageChops.difference(image, white).getbbox()
        assert drawn is not None  # A page without anything would be a fault of the browser.
        image.crop((0, 0, _WIDTH, min(_HEIGHT, drawn[3] + _EDGE))).quantize(256).save(to, "PNG", optimize=True)


if __name__ == "__main__":
    main(Path(__file__).parents[1] / "docs" / "messages")
