"""Templates in a sandbox: what they say is trusted, what they are given is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.engine.rules import Language
from services.notifier.messages.page import Page
from services.notifier.messages.words import LANGUAGES, Words, one_line

_OURS: Final = Path(__file__).with_name("templates")


class BrokenTemplateError(Exception):
    """A template cannot be read or rendered; the message names it and says why."""


class Phrases:
    """The macros of one language, each a function to one line of text."""

    def __init__(self, environment: ImmutableSandboxedEnvironment, words: Words) -> None:
        self.words = words
        names = [f"{words.language}/{name}.txt" for name in ("words", "kinds")]
        self._macros: dict[str, tuple[str, Callable[..., str]]] = {}
        for name in names:
            module = _named(name, partial(_module, environment, name, words))
            for macro in (macro for macro in dir(module) if not macro.startswith("_")):
                self._macros[macro] = name, getattr(module, macro)

    def __getattr__(self, macro: str) -> Callable[..., str]:
        """Return the function of a macro. Raises: BrokenTemplateError."""
        if macro.startswith("_"):
            raise AttributeError(macro)
        try:
            template, function = self._macros[macro]
        except KeyError:
            raise BrokenTemplateError(f"templates of {self.words.language}: the macro {macro} is missing") from None
        return lambda *values: one_line(_named(f"{template}, macro {macro}", lambda: function(*values)))

    def say(self, macro: str, *values: object) -> str:
        """Return what a macro says whose name is put together, such as that of a kind of rule."""
        return self.__getattr__(macro)(*values)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, which answers each question once: a message reads 460 attributes of the same few types."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._answers: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """See the sandbox; what it says follows from the object's type and the attribute's name."""
        key = type(obj), attr
        if key not in self._answers:
            self._answers[key] = super().is_safe_attribute(obj, attr, value)
        return self._answers[key]


class Templates:
    """Ours, or those of the same names in a folder that takes their place one by one."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load all. Raises: BrokenTemplateError."""
        folders = [*([] if folder is None else [folder]), _OURS]
        environment = _Sandbox(
            loader=ChoiceLoader([FileSystemLoader(each) for each in folders]),
            # Phrases are text: they are escaped when the layout puts them into HTML.
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._layouts = {
            name: _named(name, partial(environment.get_template, name)) for name in ("mail.txt", "mail.html")
        }
        self.phrases: Mapping[Language, Phrases] = {
            language: Phrases(environment, Words(language)) for language in LANGUAGES
        }

    def layout(self, name: str, page: Page) -> str:
        """Return the page laid out. Raises: BrokenTemplateError."""
        return str(_named(name, lambda: self._layouts[name].render(page=page)))


def _module(environment: ImmutableSandboxedEnvironment, name: str, words: Words) -> TemplateModule:
    return environment.get_template(name).make_module({"w": words})


def _named(name: str, use: Callable[[], Any]) -> Any:
    """Return what `use` returns, with the template's name in each error that a template can cause."""
    try:
        return use()
    except (TemplateError, SecurityError, TypeError, AttributeError, ValueError, ArithmeticError, LookupError) as error:
        where = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise BrokenTemplateError(f"template {name}{where}: {error or type(error).__name__}") from error
