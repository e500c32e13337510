"""From TFRecord files of tf.Examples to a matrix of rows. No TFX."""
