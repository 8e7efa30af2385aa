"""The notifier's fixtures, for replicas in processes of their own."""

from tests.integration.notifier.conftest import mail_server, mongo, settings

__all__ = ["mail_server", "mongo", "settings"]
