"""Why a day could not be landed or read back.

LandingError
├── DayNotExportable      too early: the message names the time from which the day can be exported
├── LandingBusy           another run lands the same day: wait for it
├── DayNotLanded          nothing to read: materialize raw/export for the day first
├── RawFilesPruned        the raw files were deleted by retention: refresh the day if the vendor still has it
├── DatasetNotDelivered   the vendor's answer had no file for a dataset that was asked for: refresh the day
└── LandingDamaged        a file of the landing is not what its manifest says: refresh the day
"""


class LandingError(Exception):
    """Base of all; `retryable` says whether the same call may succeed later unchanged."""

    retryable = False


class DayNotExportable(LandingError):  # noqa: N818 - named by the state it reports
    """The day has not ended, or the vendor's loading lag has not passed."""


class LandingBusy(LandingError):  # noqa: N818 - named by the state it reports
    """Another process is landing the same day."""

    retryable = True


class DayNotLanded(LandingError):  # noqa: N818 - named by the state it reports
    """There is no complete landing of the day."""


class RawFilesPruned(LandingError):  # noqa: N818 - named by the state it reports
    """The day was landed and loaded, and its raw files were deleted since."""


class DatasetNotDelivered(LandingError):  # noqa: N818 - named by the state it reports
    """The day was landed, but not with this dataset."""


class LandingDamaged(LandingError):  # noqa: N818 - named by the state it reports
    """A manifest cannot be read, or a file that it lists is gone."""
