"""The payload of a clustering: centroids and all that is known of them. No TFX."""
