"""What words the answers: language models, with and without eyes."""
