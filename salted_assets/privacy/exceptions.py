"""The errors of erasure. None is helped by trying again."""


class ErasureError(Exception):
    """Base of all; trying again won't help."""


class RegisterDamaged(ErasureError):  # noqa: N818 - named by the state it reports
    """The register of erased customers or its key is missing, cannot be read, or does not belong to the other."""


class PidListError(ErasureError):
    """A list of pids cannot be read for sure, so nothing is erased by it."""
