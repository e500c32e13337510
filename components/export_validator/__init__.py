"""The component that decides whether a model may be pushed."""
