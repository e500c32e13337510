"""The component that clusters examples."""
