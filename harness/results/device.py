"""The device of a run, as its provenance states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.forecasters.devices import Device
from harness.forecasters.resources import Resources

NO_GPU = "no GPU was found"


def device_record(resources: Resources, device: Device | None, told: Mapping[str, str]) -> dict[str, Any]:
    """The part of a provenance on the device; nothing for a forecaster that uses the CPU alone.

    `device` is the one that the cell was given, None where that is not known, and `told` what its process tells of it.
    """
    if resources.device == "cpu":
        return {}
    known = {"requested": resources.device, **told}
    if device is not None and device.is_gpu:
        known = {**known, "name": told.get("name") or device.name, "driver": device.driver}
    elif device is not None:
        known["reason"] = NO_GPU
    return {"device": {name: value for name, value in known.items() if value}}


def device_text(provenance: Mapping[str, Any]) -> str:
    """The device of a run as a text; empty where the provenance does not state one."""
    device = provenance.get("device")
    if not isinstance(device, Mapping):
        return ""
    if device.get("reason"):
        kind = f"CPU ({device['reason']})"
    elif device.get("name") and device.get("kind") == "cpu":
        kind = f"CPU (the forecaster did not use {device['name']})"
    else:
        kind = str(device.get("name") or ("GPU" if device.get("kind") == "cuda" else "CPU"))
    driver = f"driver {device['driver']}" if device.get("driver") and device.get("kind") != "cpu" else ""
    return ", ".join(part for part in (kind, driver, str(device.get("dtype", ""))) if part)
