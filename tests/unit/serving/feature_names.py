"""Names of features as people have them, which TensorFlow does not accept everywhere."""

NAMES = (
    'größe', 'Größe', '身長', 'Рост', 'x', 'X', 'self', 'a b', 'a/b', 'a_b', '1st', '%', 'examples',
    'features', '"quoted, name"', ' lead', 'trail ', '🙂', '_x', 'arg__x', 'arg_0', '<b>&amp;',
    'n' * 300, 'class', 'lambda', 'name', 'input_1', 'args', 'kwargs', 'signature', 'line\nbreak',
    'cluster_index', 'distance', 'raw_feature_000001', 'key_x', '../up', "it's", '{0}', 'é',
    'e\u0301',
)  # fmt: skip
"""All of them can be the features of one table."""

GROUPS = (
    ('größe', 'b'),
    ('x', 'X'),
    ('self', 'a'),
    ('a/b', 'a_b', 'a b'),
    ('🙂', 'b'),  # TensorFlow sorts the emoji first, as arg__
    ('class', 'Class', 'lambda'),
    ('raw_feature_000001', 'raw_feature_000000', 'é'),
    ('_x', 'arg__x', 'arg_0', 'b'),
    ('', 'b'),
    NAMES,
)
"""Names of the features of one table each."""
