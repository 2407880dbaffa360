"""The measurement `pipeline`: how the pipeline itself does, for boards that know no Prometheus.

points, nodes                       pure: what was measured -> points; ticks -> who lives
report                              every 15 s: measure, and write through the store
fleet                               what one sink alone tells for all, by three readers:
streams_lag, dead_letters, ticks    the stream workers' lag, what nobody could handle, the edge nodes
"""
