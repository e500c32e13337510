"""Passes over the rows: the `Step` protocol, its statistics, and the steps that run on one machine.

A new step subclasses `RowsStep` if its rows are arrays in this process. Every step must pass the
tests in tests/unit/clustering/steps/step_contract.py.
"""
