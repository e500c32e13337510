"""Reads files of examples into a matrix of rows. Does not depend on TFX."""
