"""The two families of error that adapters raise; drivers' own errors never leave an adapter."""


class TransientError(Exception):
    """May pass by itself: try again later. The message names the part that failed."""


class PermanentError(Exception):
    """Will not pass by itself: someone must act. The message says what to do."""


class FencedError(PermanentError):
    """Another process has taken over this work; what was being done here must stop."""
