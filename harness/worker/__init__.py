"""The worker process: the forecaster of one cell, which a supervisor asks by messages. See docs/protocol.md."""
