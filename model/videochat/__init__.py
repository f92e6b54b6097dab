"""Eyes for a language model: frame tokens of a vision encoder, through a learned adapter, into a causal LM."""
