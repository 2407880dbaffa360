"""The measurement `pipeline`: how the pipeline itself does, for boards that know no Prometheus.

points      pure: what was measured -> points (tags, fields and their types)
report      every 15 s: measure, and write through the store
fleet       what one sink alone tells for all: the stream workers' lag, dead letters, edges
"""
