"""The sample: Aceh at one to a hundred, played through the public API."""

from deploy.local.sample.story import play

__all__ = ["play"]
