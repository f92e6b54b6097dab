"""Reading media files: probing, pictures, sound, and making files that browsers play."""
