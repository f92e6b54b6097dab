"""What sees: frames and texts in one space."""
