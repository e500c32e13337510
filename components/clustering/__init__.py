"""The maths of k-means on NumPy arrays, without TFX, Beam or files.

Call structure:
  restarts    -> calls frame and seeding, then lloyd or mini_batch in each restart; keeps the best
  lloyd       -> calls a Step (steps/) for every pass over the rows, so it works wherever they are
  engine      -> makes the step, and decides whether compiled code (kernels/) pays
  assignment, alignment, measures/ -> apply a finished clustering to rows, or compare two of them
  answered_rows -> turns the clusters that an earlier model has assigned rows to into a start
  graph_ops   -> the same maths as TensorFlow operations

Where to add something new:
  a seeding: a module in seeding/ and an entry in its registry
  a step:    a module in steps/ and a test class for it
  a metric:  an entry in metric.METRICS
  a measure: a module in measures/ and a field in evaluation.Evaluation
"""
