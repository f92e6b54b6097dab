"""Tiny randomly initialised checkpoints, built from code and saved, to be loaded through the functions the app uses."""
