"""What reads: text on the screen."""
