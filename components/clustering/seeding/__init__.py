"""Seedings, which choose the initial centroids: one module for each, and a registry.

To add a seeding, write a module with its function and add an entry to `registry.SEEDINGS`. Its name
is then accepted as `initial_clusters` everywhere.
"""
