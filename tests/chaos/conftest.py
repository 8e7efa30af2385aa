"""The registry's fixtures, for replicas in processes of their own."""

from tests.integration.registry.conftest import issuer, settings

__all__ = ["issuer", "settings"]
