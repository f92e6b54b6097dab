"""What sees, hears, reads and speaks. Knows nothing of storage, users or web pages."""
