"""The stream engine: pure agents over Kafka topics, with keyed state that is exactly right.

    agent, state, folding, changelog    pure: what an agent is, and what a batch of records comes to
    steps, slices                       long work in small pieces, between which the event loop turns
    partition, loading, writing         one owned partition: loaded in bulk, one transaction a batch
    ownership, deliveries               which partitions are kept and which may be fetched
    silence                             whether Kafka answers
    faust_consumer, worker              Faust and aiokafka underneath
    engine, process                     a worker's life, and its ends

The state is the truth: it says where to read on, so dying at any point is safe and nothing has to be acknowledged.
"""
