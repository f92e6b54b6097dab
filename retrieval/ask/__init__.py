"""Questions: plan, find, read, check, answer; summaries."""
