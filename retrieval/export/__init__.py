"""What people take away: excerpts, reels, highlights."""
