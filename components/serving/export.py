"""Writes a clustering as a SavedModel."""

from __future__ import annotations

import tensorflow as tf

from tfx_kmeans import names
from tfx_kmeans.centroids.payload import CentroidsPayload
from tfx_kmeans.centroids.storage import write_payload
from tfx_kmeans.serving.module import KMeansModule
from tfx_kmeans.serving.preprocessing import Preprocessing


def save_model(
    folder: str,
    payload: CentroidsPayload,
    preprocessing: Preprocessing,
    default_signature: str,
) -> None:
    """Saves the model, and the payload that it was made of in its assets.extra."""
    module = KMeansModule(payload, preprocessing)
    tf.saved_model.save(module, folder, signatures=module.signatures(default_signature))
    write_payload(f'{folder}/{names.PAYLOAD_IN_MODEL}', payload)
