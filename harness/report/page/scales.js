'use strict';

/* From values to positions: linear and logarithmic scales with round ticks. */

function linearScale(low, high, from, to) {
  if (!(high > low)) [low, high] = [low - (Math.abs(low) || 1) / 2, low + (Math.abs(low) || 1) / 2];
  const scale = (value) => from + (value - low) / (high - low) * (to - from);
  return Object.assign(scale, { low, high, from, to, ticks: (count) => roundTicks(low, high, count), logarithmic: false });
}

function logScale(low, high, from, to) {
  if (!(high > low)) [low, high] = [low / 2, low * 2];
  const [a, b] = [Math.log10(low), Math.log10(high)];
  const scale = (value) => from + (Math.log10(Math.max(value, low / 1e3)) - a) / (b - a) * (to - from);
  return Object.assign(scale, { low, high, from, to, ticks: (count) => decades(low, high, count), logarithmic: true });
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.9999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

/** Powers of ten, thinned to so many; with 2 and 5 in between where there are few of them. */
function decades(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 2) {
    const found = [];
    for (let k = first - 1; k <= last; k += 1) {
      for (const factor of [1, 2, 5]) found.push(Number((factor * 10 ** k).toPrecision(12)));
    }
    const inside = found.filter((value) => value >= low * 0.9999 && value <= high * 1.0001);
    return inside.length > 1 ? inside : roundTicks(low, high, count).filter((value) => value > 0);
  }
  const step = Math.max(Math.ceil((last - first + 1) / Math.max(count, 2)), 1);
  const found = [];
  for (let k = first; k <= last; k += step) found.push(Number(`1e${k}`));
  return found;
}

/** The least and the greatest of what is a number, null where nothing is. */
function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}
