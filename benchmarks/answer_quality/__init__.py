"""How good search and answers are, on films made by code whose content is known: `python -m benchmarks.answer_quality`.

Every film is drawn from a seed: pictures (`drawing`), spoken and written facts (`facts`), put in an order with pauses
and sounds between them (`script`) and encoded (`film`). What is asked is a paraphrase that somebody might type, drawn
by the same seed, and for each question the answer and its place in time are known. Nothing is tuned to the models.
"""
