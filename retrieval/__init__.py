"""What remembers and finds: the library, clips, indexes, ingest, search and evidence."""
