"""What compares texts: sentence embeddings."""
