"""The checks, and where to put a new one.

  finding.py      what a check returns, the `check` decorator, and the registry.
  structure.py    checks of the model's files and its graph.
  serving.py      checks of how the model answers, in the probe process.
  clustering.py   checks of the clustering in the model.
  baseline.py     comparison with an earlier model.
  run.py          runs all checks.

A new check is a function from a `Context` to a `Finding`, decorated with `@check(group,
advice=...)`, in the module of its group, at its position in the report. The rest follows:

- The name of the function is the name of the check: in the report, in `failed_checks`, on the
  command line, and in `Thresholds(checks={name: 'off' | 'warn' | 'fail'})`. Renaming the function
  breaks pipelines that use the name.
- The group decides what a failure blocks. Structure and serving count for the InfraBlessing and
  cannot be overridden. Clustering and baseline count for the ModelBlessing only and can be.
- `applies=` leaves a check out if there is nothing to examine: an input is not connected, or a
  limit is not set. A check that raises has failed, and the report shows its exception.
- tests/contracts/sabotage/ demands at least one damaged model that the check refuses, and
  scripts/always_passing.py shows that the tests notice if the check passes everything.

A limit that a pipeline can set is a field of `Thresholds`. Anything that a check reads from the
model or the examples is a cached property of `Context`; calls of the model are tasks of the probe
program (probe/program/). Computations that several modules need are in evidence/.
"""
