"""What a model is compared with, computed independently of the code that trains and exports.

reference.py    the clusters and distances that a model must answer, within rounding.
requests.py     what a client would send: raw features of examples, recorded requests.
signatures.py   the signatures that a model must have.
matching.py     clusters and their counterparts in a baseline.
inputs.py       changes of the inputs since a baseline.
"""
