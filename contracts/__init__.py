"""What two services agree on: frames, envelopes, records, topics, flags and errors. Pure: no I/O and no clock."""
