"""Why erased customers cannot be told from others.

    ErasureError
    └── RegisterDamaged   what is remembered of erased customers cannot be read: restore it

Not here: files that cannot be gone through, which a receipt lists as problems.
"""


class ErasureError(Exception):
    """Base of all; trying again won't help."""


class RegisterDamaged(ErasureError):  # noqa: N818 - named by the state it reports
    """The register of erased customers, or the key of its hashes, is missing or cannot be read."""
