"""The component that makes centroids a model."""
