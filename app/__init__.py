"""What a person touches: the web app, the command line, background jobs."""
