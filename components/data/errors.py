"""The error that says what is wrong with the data."""


class DataError(ValueError):
    """Data that cannot be clustered; says which file, column or row count, and what to do."""


class NoExamplesError(DataError):
    """Examples of which there are none."""
