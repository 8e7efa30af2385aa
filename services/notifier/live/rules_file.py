"""The file of rules, watched: a good content is given to the engine, a bad one is told and changes nothing."""

from __future__ import annotations

from pathlib import Path

from services.notifier.engine.events import RulesGiven
from services.notifier.files.entries import IsRegion, read_text
from services.notifier.files.rule_files import read_rules
from services.notifier.live.given import RuleFile
from services.notifier.live.metrics import LiveMetrics
from shared.runtime.errors import PermanentError
from shared.runtime.logging import logger

_log = logger(__name__)


class WatchedRules:
    """`trouble`: why the newest content is refused; None while it is not."""

    def __init__(self, file: Path, is_region: IsRegion, metrics: LiveMetrics) -> None:
        self._file = file
        self._is_region = is_region
        self._metrics = metrics
        self._in_force: str | None = None
        self._refused: str | None = None
        self.trouble: str | None = None

    def in_force(self, text: str | None) -> None:
        """Note the content that is in force: it need not be given again."""
        self._in_force = text

    @property
    def any_in_force(self) -> bool:
        """Say whether any rules are in force."""
        return self._in_force is not None

    def changed(self) -> RuleFile | None:
        """Return the content if it is new and good."""
        try:
            text = read_text(self._file)
            if text == self._in_force:
                self._accept(text)
                return None
            if text == self._refused:
                return None
            self._refused = text
            rules = read_rules(text, str(self._file), self._is_region)
        except PermanentError as error:
            self._refuse(str(error))
            return None
        self._accept(text)
        return RuleFile(RulesGiven(rules), text)

    def _accept(self, text: str) -> None:
        self._in_force, self._refused, self.trouble = text, None, None
        self._metrics.rules_file(bad=False)

    def _refuse(self, why: str) -> None:
        if why != self.trouble:
            _log.error("the file of rules is refused; those in force stay", error=why)
        self.trouble = why
        self._metrics.rules_file(bad=True)
