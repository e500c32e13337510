"""Names of signatures, outputs, variables and files; the Estimator's own names are kept."""

CLUSTER_INDEX = 'cluster_index'
DISTANCE = 'distance'
ALL_DISTANCES = 'all_distances'
SCORE = 'score'
CLUSTER_CENTERS_VAR_NAME = 'clusters'

EXAMPLES_SIGNATURE = 'examples'
RAW_SIGNATURE = 'raw'
FEATURES_SIGNATURE = 'features'
PREPROCESS_SIGNATURE = 'preprocess'
SERVING_INPUT_SIGNATURE = 'serving_input'
DEFAULT_SIGNATURE = 'serving_default'
DEFAULT_KINDS = (EXAMPLES_SIGNATURE, RAW_SIGNATURE, FEATURES_SIGNATURE)
"""Signatures that `serving_default` may be a copy of."""

SERVE_TAG = 'serve'

NO_CLUSTER = -1
"""Cluster index of a row that cannot be clustered; its distance is NaN."""

ASSETS_EXTRA = 'assets.extra'
EXPORT_FILE = 'export.json'
WARMUP_FILE = 'tf_serving_warmup_requests'

REPORT_FILE = 'report.json'
PAGE_FILE = 'report.html'

OWN_FOLDER = 'tfx_kmeans'
"""The folder of this package in a model's assets.extra."""

MODEL_FOLDER = 'Format-Serving'
"""The folder of the SavedModel inside TFX's Model artifact."""

PAYLOAD_IN_MODEL = f'{ASSETS_EXTRA}/{OWN_FOLDER}'
"""Folder inside a model that contains the centroids from which the model was exported."""
