"""Erasing customers: out of everything that is stored, and out of everything that comes again.

A customer is known by the pid of `customers.csv`, which engagements carry as `contact_pid`. Theirs are that customer's
rows, the engagements that any version gives to them, and the turns and reviews of these. The register keeps a keyed
hash of each pid, so that a later landing or ingestion leaves the same rows out.
Not here: how raw files are replaced (`landing.rewrite`), which scores are made again, Dagster.
"""

from salted_assets.privacy.erasure import Erasure
from salted_assets.privacy.exceptions import ErasureError, PidListError, RegisterDamaged
from salted_assets.privacy.file_rewrite import open_ingest_filter, open_landing_rewrite
from salted_assets.privacy.pid_list import clean_pids, parse_pids
from salted_assets.privacy.receipt import Erased, Find, Receipt
from salted_assets.privacy.register import Register, check_register

__all__ = [
    "Erased",
    "Erasure",
    "ErasureError",
    "Find",
    "PidListError",
    "Receipt",
    "Register",
    "RegisterDamaged",
    "check_register",
    "clean_pids",
    "open_ingest_filter",
    "open_landing_rewrite",
    "parse_pids",
]
