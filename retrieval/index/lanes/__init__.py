"""The lanes of indexing: see and read (one decoding pass feeds both), hear, and making a playable copy."""
