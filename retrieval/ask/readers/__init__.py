"""Readers: from evidence to claims. One file a reader, behind one interface (`reader.py`)."""
