"""The names of signatures, outputs and variables, as the Estimator's users know them."""

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

NO_CLUSTER = -1
"""What a row that cannot be clustered gets for a cluster; its distance is NaN."""

ASSETS_EXTRA = 'assets.extra'
EXPORT_FILE = 'export.json'
WARMUP_FILE = 'tf_serving_warmup_requests'

REPORT_FILE = 'report.json'
PAGE_FILE = 'report.html'

PAYLOAD_IN_MODEL = 'assets.extra/tfx_kmeans'
"""Where a model holds the payload of the centroids that it was made of."""
