"""Execution properties of a component that is given only a few options."""

import dataclasses

from tfx_kmeans.parameters import encode


def exec_properties(options_type, **options):
    """The given options, and the defaults of all others, as execution properties."""
    defaults = {
        field.name: field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else field.default
        for field in dataclasses.fields(options_type)
    }
    return encode(options_type, {**defaults, **options})
