"""The model that is exported: preprocessing and centroids in one TensorFlow graph. No TFX."""
