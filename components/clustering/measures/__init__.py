"""Measures of the quality of a clustering; `evaluation` combines those of the other modules.

To add a measure, write a module for it and add a field with a default to `Evaluation`.
"""
