"""The probe program, run as a folder: `python -I program`.

Python then puts this folder first on sys.path, and the modules import one another by their plain
names. The prefix `probe_` keeps those names from hiding modules that TensorFlow imports.

  __main__.py          reads requests, and answers each in a fork with a time limit.
  probe_protocol.py    requests and the names of tasks; the package imports it as well.
  probe_arrays.py      arrays: files, JSON, comparison, blanks; the package imports it as well.
  probe_limits.py      what the program may import, and how much memory it may take.
  probe_recorder.py    runs the tasks and records how each ended.
  probe_model.py       a loaded model whose signatures can be called.
  probe_tasks.py       all tasks for one model, in order.
  probe_needless.py    the search for inputs that change no answer.
  probe_server.py      calls by tensor names, as model servers make them.
"""
