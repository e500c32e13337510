"""`tfx_kmeans.fit` and `KMeansModel`: clustering in Python, without a pipeline.

Neither TFX nor TensorFlow is imported for arrays. A SavedModel, a tf.Example or a remote path
requires TensorFlow, which is then imported.
"""
