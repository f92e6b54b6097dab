"""What sees, hears, reads and speaks. Knows nothing of storage, users or web pages."""

import os

# Read by OpenMP when torch is first imported, hence here. By default its threads spin while they wait for each other;
# beside any other busy process (indexing beside a chat) that turns a prompt of 0.25 s into 5 s. Waiting asleep: 0.3 s
# alone, 0.6 s beside another. One's own setting wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
