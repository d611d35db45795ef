"""A library after whose import forked processes hang."""

import os
import time

os.register_at_fork(after_in_child=lambda: time.sleep(1000))
