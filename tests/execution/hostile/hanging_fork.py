"""Hangs in every process that is forked after it was imported."""

import os
import time

os.register_at_fork(after_in_child=lambda: time.sleep(1000))
