'use strict';

/* Lines as they lie in the page's data: steps and values, of which long ones were thinned. */

/** The points [step, value] of a line, from step `first` on; a value is null where nothing is known. */
function points(line, first) {
  const unit = 10 ** line.e;
  let step = 0;
  return line.y.map((value, place) => {
    step = line.x ? step + line.x[place] : place;
    return [first + step, value === null ? null : line.e < 0 ? value / 10 ** -line.e : value * unit];
  });
}

/** A path through points, broken where nothing is known. */
function pathOf(found, x, y) {
  let said = '';
  let pen = 'M';
  for (const [step, value] of found) {
    if (value === null || (y.logarithmic && value <= 0)) {
      pen = 'M';
    } else {
      said += `${pen}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = 'L';
    }
  }
  return said;
}

/** The area between two lines. */
function areaOf(low, high, x, y) {
  const known = (found) => found.filter(([, value]) => value !== null);
  const corner = ([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  const corners = [...known(low).map(corner), ...known(high).reverse().map(corner)];
  return corners.length > 2 ? `M${corners.join('L')}Z` : '';
}

/** Dots for points that no line joins: a single step, or one between two that are unknown. */
function lonely(found) {
  return found.filter(([, value], place) => value !== null
    && (found[place - 1]?.[1] ?? null) === null && (found[place + 1]?.[1] ?? null) === null);
}
