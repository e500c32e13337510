"""Calls a model in a process that has TensorFlow and none of this package's code.

  program/     what runs in that process: a folder that Python runs, which imports none of our code.
  process.py   starts the process, keeps it between models, and ends it.
  client.py    hands a model and its inputs over, and reads the answers.

Whatever both sides must agree on (names of tasks, requests, the format of arrays) is defined once,
in program/probe_protocol.py and program/probe_arrays.py.
"""
