"""What can keep a whole table from being read, as a tree.

    IngestError
    ├── EmptyFileError        no bytes at all: not even a header
    ├── HeaderError           the header cannot be read, repeats a name, or lacks a column
    ├── LostSyncError         after an unbalanced quote no record could be found again
    ├── TooManyRejectsError   more records were refused than the rules allow
    ├── UnreadableFileError   most records of a file, or most cells of an essential column, were refused
    ├── AccountingError       rows were lost or made up: a defect of this program
    └── ChecksDisabledError   pandera is switched off from outside, so nothing would be checked

All are permanent: the same file gives the same error. What is wrong with one cell or one record is a row of the rejects
and stops nothing.
"""


class IngestError(Exception):
    """A table could not be made from its files; trying again with the same files gives the same error."""


class EmptyFileError(IngestError):
    """A file of no bytes, or of a byte order mark alone."""


class HeaderError(IngestError):
    """The header cannot be read, repeats a name, or lacks a column that is needed."""


class LostSyncError(IngestError):
    """After an unbalanced quote no line was found at which records begin again."""


class TooManyRejectsError(IngestError):
    """More records were refused than the rules allow, both in number and as a share."""


class UnreadableFileError(IngestError):
    """Most records of a file, or most filled cells of an essential column, were refused: it counts as not read."""


class AccountingError(IngestError):
    """Rows of the files are not all found again in table, rejects, duplicates and superseded rows."""


class ChecksDisabledError(IngestError):
    """Pandera's validation is switched off or reduced, so wrong values would pass as checked."""
