"""The names of signatures, outputs and variables, as the Estimator's users know them."""

CLUSTER_INDEX = 'cluster_index'
DISTANCE = 'distance'
ALL_DISTANCES = 'all_distances'
SCORE = 'score'
CLUSTER_CENTERS_VAR_NAME = 'clusters'

EXAMPLES_SIGNATURE = 'examples'
FEATURES_SIGNATURE = 'features'
PREPROCESS_SIGNATURE = 'preprocess'
DEFAULT_SIGNATURE = 'serving_default'

PAYLOAD_IN_MODEL = 'assets.extra/tfx_kmeans'
"""Where a model holds the payload of the centroids that it was made of."""
