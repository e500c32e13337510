"""A whole TFX pipeline around the components, to run or to copy from."""
