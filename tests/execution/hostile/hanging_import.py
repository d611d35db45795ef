"""Never ends to be imported."""

import time

while True:
    time.sleep(60)
