"""A complete TFX pipeline built from the components, to run or to adapt."""
