"""Erasing people: customers out of everything that is stored and that comes again, agents under a pseudonym.

A customer is known by the pid of `customers.csv`, which engagements carry as `contact_pid`. Theirs are that customer's
rows, the engagements that any version gives to them, and the turns and reviews of these. The register keeps a keyed
hash of each pid, so that a later landing or ingestion leaves the same rows out. An agent's rows stay, under a pseudonym
that ingestion gives to those that come later, too.
Not here: how raw files are replaced (`landing.rewrite`), which scores are made again, Dagster.
"""

from salted_assets.privacy.agent_erasure import AgentErasure
from salted_assets.privacy.erasure import Erasure
from salted_assets.privacy.exceptions import ErasureError, PidListError, RegisterDamaged
from salted_assets.privacy.file_rewrite import open_ingest_filter, open_landing_rewrite
from salted_assets.privacy.pid_list import clean_pids, parse_pids
from salted_assets.privacy.pseudonyms import open_pseudonyms, pseudonym_of
from salted_assets.privacy.receipt import AgentFind, Erased, Find, Receipt
from salted_assets.privacy.register import ErasedPids, Register, check_register

__all__ = [
    "AgentErasure",
    "AgentFind",
    "Erased",
    "ErasedPids",
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
    "open_pseudonyms",
    "parse_pids",
    "pseudonym_of",
]
