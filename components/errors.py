"""Every error that a user of tfx-kmeans can meet.

All derive from `KMeansError`, and each is also the built-in error that describes it best, so that
`except ValueError` works as well.
"""


class KMeansError(Exception):
    """Base class of the errors that tfx-kmeans raises."""


class ParameterError(KMeansError, ValueError):
    """A parameter with a wrong value: names it, the value, what is allowed and what to do."""


class DataError(KMeansError, ValueError):
    """Data that cannot be clustered: names the file, column or row count, and what to do."""


class NoExamplesError(DataError):
    """A split or folder without any example."""


class TableError(DataError):
    """Files of a table that a pipeline cannot run on: names the file and the reason."""


class AmbiguousNumbersError(TableError):
    """Numbers whose separator could be that of decimals or of thousands."""


class MissingSchemaError(KMeansError, FileNotFoundError):
    """A Schema artifact without a schema file."""


class CentroidsError(KMeansError, ValueError):
    """A folder without centroids that this version can read: names the folder and the reason."""


class CheckpointError(KMeansError, ValueError):
    """A folder of checkpoints that a fit cannot use: names the folder and what differs."""


class KernelsError(KMeansError, RuntimeError):
    """Compiled kernels that cannot run here: says why."""


class ModelError(KMeansError, LookupError):
    """A SavedModel that lacks something, or contradicts itself."""


class ExportError(KMeansError, ValueError):
    """A clustering that cannot be exported with the given options."""


class ExtraAssetsError(ExportError):
    """Files for assets.extra that do not exist, or share a name."""


class PrecisionError(ExportError):
    """Centroids with values that the chosen precision cannot represent."""


class PythonCallError(ExportError):
    """A graph that calls a Python function, which a model server does not have."""


class ServingInputError(ExportError):
    """A serving_input_fn that does not return what the model needs."""


class UnservableFeatureError(ExportError):
    """A raw feature that cannot be represented as one dense tensor."""


class ProbeError(KMeansError, RuntimeError):
    """A model that could not be loaded, or did not answer, in a separate process."""


class RunError(KMeansError, LookupError):
    """A pipeline run that left no result of some kind."""


class MissingPackageError(KMeansError, RuntimeError):
    """An optional package is needed and not installed."""


class OutputError(KMeansError, OSError):
    """A folder that cannot be written to."""
