"""Training: data, stages (align, caption, instruct, answer, colour), what they share. Serving needs nothing of it."""
