"""The two kinds of error that adapters raise. The errors of drivers never leave an adapter."""


class TransientError(Exception):
    """A later attempt may succeed. The message names the part that failed."""


class PermanentError(Exception):
    """Every attempt will fail until someone acts. The message says what to do."""


class FencedError(PermanentError):
    """Another process has taken over this work; this process must stop it."""
