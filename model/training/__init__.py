"""Training: data, stages (align, caption, instruct) and what they share. Nothing here is needed to serve."""
