"""What a CentroidExporter can be told."""

from __future__ import annotations

import dataclasses

from tfx_kmeans import names
from tfx_kmeans.clustering.options import check_choice


@dataclasses.dataclass(frozen=True)
class ExporterOptions:
    """How to export.

    Attributes:
      default_signature: the signature that `serving_default` is, 'examples' or 'features'.
    """

    default_signature: str = names.EXAMPLES_SIGNATURE

    def __post_init__(self) -> None:
        allowed = (names.EXAMPLES_SIGNATURE, names.FEATURES_SIGNATURE)
        check_choice('default_signature', self.default_signature, allowed)
