"""From a file to what can be searched: lanes, clips, vectors, timelines."""
