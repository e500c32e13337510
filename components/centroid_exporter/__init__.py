"""The component that exports centroids as a servable model."""
