"""Names of the arguments of the signature `raw` while it is traced."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Collection

_PLAIN = re.compile('[A-Za-z][A-Za-z0-9_]*')
_NEVER_KEYWORDS = ('', 'self')


def raw_arguments(features: Collection[str]) -> dict[str, str]:
    """Argument names of the function of the signature `raw` while it is traced, by feature name.

    TensorFlow replaces the letters that it does not accept in names of arguments and of operations,
    does not distinguish upper from lower case, and passes arguments in the order of the replaced
    names. If any feature has a name that would be changed, all arguments therefore get generated
    names in that order, and `rename_inputs` restores the feature names after the model has been
    written.

    Args:
      features: Names of the raw features.
    """
    positional = positional_inputs(features)
    ordered = positional + sorted(set(features) - set(positional), key=keyword_of)
    distinct = len({name.lower() for name in ordered}) == len(ordered)
    if distinct and not positional and all(map(_is_plain, ordered)):
        return {name: name for name in ordered}
    return {name: f'raw_feature_{index:06}' for index, name in enumerate(ordered)}


def positional_inputs(names: Collection[str]) -> list[str]:
    """The inputs that TensorFlow cannot take by keyword in Python, sorted.

    Those are 'self', which is an argument of TensorFlow's own, the empty name, keywords of Python
    such as 'class', with which Python 3.11 and newer could not load the model, and names such as
    'a/b' and 'a_b', between which TensorFlow does not distinguish. A loaded model takes them as the
    first positional arguments, in this order. Model servers take all inputs by name.

    Args:
      names: Names of all inputs.
    """
    counts = Counter(map(keyword_of, names))
    found = {name for name in names if _is_reserved(name) or counts[keyword_of(name)] > 1}
    if found:  # TensorFlow calls them arg_0, arg_1 and so on
        found |= {name for name in names if re.fullmatch(r'arg_\d+', keyword_of(name))}
    return sorted(found)


def keyword_of(name: str) -> str:
    """The keyword by which TensorFlow in Python knows an input."""
    swapped = ''.join(letter if letter.isalnum() else '_' for letter in name)
    return swapped if swapped[:1].isalpha() else f'arg_{swapped}'


def _is_reserved(name: str) -> bool:
    return name in _NEVER_KEYWORDS or keyword.iskeyword(keyword_of(name))


def _is_plain(name: str) -> bool:
    """Whether TensorFlow accepts a name as it is for an argument."""
    return _PLAIN.fullmatch(name) is not None
