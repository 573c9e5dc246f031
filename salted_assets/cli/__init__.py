"""The `salted` command. Not here: what it calls on."""

from salted_assets.cli.main import main

__all__ = ["main"]
