"""The live page: the fleet as it happens, from Kafka to a browser, with nothing between."""
