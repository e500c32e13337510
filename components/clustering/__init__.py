"""The maths of k-means on NumPy arrays: no TFX, no Beam, no files."""
