'use strict';

/* Lines as the page's data holds them: steps and values; long ones are thinned. */

/** The points [step, value] of a line, from step `first` on; a value is null where it is unknown. */
function points(line, first) {
  const unit = 10 ** line.e;
  let step = 0;
  return line.y.map((value, position) => {
    step = line.x ? step + line.x[position] : position;
    return [first + step, value === null ? null : line.e < 0 ? value / 10 ** -line.e : value * unit];
  });
}

/** A path through points, with a break where a value is unknown. */
function pathOf(found, x, y) {
  let path = '';
  let pen = 'M';
  for (const [step, value] of found) {
    if (value === null || (y.logarithmic && value <= 0)) {
      pen = 'M';
    } else {
      path += `${pen}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = 'L';
    }
  }
  return path;
}

/** The area between two lines. */
function areaOf(low, high, x, y) {
  const known = (found) => found.filter(([, value]) => value !== null);
  const corner = ([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  const corners = [...known(low).map(corner), ...known(high).reverse().map(corner)];
  return corners.length > 2 ? `M${corners.join('L')}Z` : '';
}

/** Points without a known neighbour, which no line would show. */
function isolatedPoints(found) {
  return found.filter(([, value], position) => value !== null
    && (found[position - 1]?.[1] ?? null) === null && (found[position + 1]?.[1] ?? null) === null);
}
