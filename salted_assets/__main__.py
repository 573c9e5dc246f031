"""`python -m salted_assets` is the `salted` command."""

from salted_assets.cli import main

main()
