"""What hears: voice activity and speech recognition."""
