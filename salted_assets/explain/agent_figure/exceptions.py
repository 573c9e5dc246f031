"""Why a figure cannot be explained."""


class NotExplicable(Exception):  # noqa: N818 - named by the state it reports
    """There is no such figure; the message says what was looked for and what to do."""
