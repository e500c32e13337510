"""The payload of a clustering: its centroids with their metadata, and how they are stored.

Does not import TFX.
"""
