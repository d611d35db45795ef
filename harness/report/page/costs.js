'use strict';

/* Accuracy against cost, with the Pareto front. */

const FORMATS = { seconds: duration, rate, bytes: megabytes };

function addCosts(host, board) {
  const kinds = costKinds(board);
  const state = { cost: kinds[0], what: 'skill' };
  const tasks = board.tasks.map((task, position) => [String(position), `${board.metric} on ${task}`]);
  const chosen = (value) => { state.cost = kinds.find((kind) => kind.name === value); redraw(); };
  const options = kinds.map((kind) => [kind.name, kind.heading]);
  host.append(element('div', { class: 'controls' },
    (options.length > 2 ? select : choice)('Cost', options, state.cost.name, chosen),
    select('Accuracy', [['skill', overall(board)], ...tasks], state.what, (value) => { state.what = value; redraw(); })));
  const redraw = figure(host, {
    draw: (width) => costsChart(width, board, state, costPoints(board, state)),
    table: () => ({
      caption: 'Accuracy against cost',
      headings: ['Forecaster', state.what === 'skill' ? overall(board) : board.metric, ...(state.cost.from ? ['p50'] : []), state.cost.heading, 'On the Pareto front'],
      rows: costPoints(board, state).map((point) => [point.name, brief(point.value), ...(state.cost.from ? [state.cost.format(point.begin)] : []),
        state.cost.format(point.cost), point.front ? 'yes' : '']),
    }),
  });
}

/** The costs to choose from: measured ones that any forecaster has, and the indicative ones of runs. */
function costKinds(board) {
  const of = (name) => {
    const position = board.costs.kinds.findIndex((kind) => kind.name === name);
    return position < 0 ? null : (row) => board.costs.rows[row][position];
  };
  const measured = board.costs.kinds.filter((_, position) => board.costs.rows.some((row) => row[position] !== null))
    .map((kind) => ({
      ...kind, format: FORMATS[kind.unit], of: of(kind.name), from: kind.name === 'latency_p99' ? of('latency_p50') : null,
      axis: !kind.name.startsWith('latency') ? kind.meaning
        : `latency of one window, ${kind.heading}${kind.name === 'latency_p99' ? '; the line starts at the p50' : ''}`,
    })).map((kind) => ({ ...kind, heading: kind.name.startsWith('latency') ? `Latency, ${kind.heading}` : kind.heading }));
  const note = measured.length ? ' (indicative)' : '';
  return [...measured,
    { name: 'predict', heading: `Predict a window${note}`, axis: 'time to forecast a window', format: duration, of: (row) => board.rows[row].predict },
    { name: 'fit', heading: `Fit${measured.length ? ', all tasks (indicative)' : ''}`, axis: 'time to fit, all tasks', format: duration, of: (row) => board.rows[row].fit }];
}

/** Forecasts a second. */
function rate(value) {
  if (value === null) return '–';
  const [size, letter] = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [0, '']].find(([least]) => value >= least);
  return `${Number((value / (size || 1)).toPrecision(3))}${letter}`;
}

function megabytes(value) {
  return value === null ? '–' : `${Number((value / 1e6).toPrecision(3))} MB`;
}

/** Whether accuracy is shown as an error, of which less is better. */
function isError(board, what) {
  return what !== 'skill' || board.logarithmic;
}

/** The accuracy on all tasks. */
function overall(board) {
  return board.logarithmic ? 'Relative error' : 'Skill';
}

/** Each forecaster's cost and accuracy, and whether it is on the Pareto front. */
function costPoints(board, state) {
  const { cost, what } = state;
  const found = board.rows.map((row, position) => ({
    name: row.name, cost: cost.of(position), begin: cost.from ? cost.from(position) : null,
    value: what !== 'skill' ? row.scores[Number(what)] : board.logarithmic ? row.relative : row.skill[0],
  })).filter((point) => point.cost !== null && point.value !== null);
  const better = isError(board, what) ? (a, b) => a < b : (a, b) => a > b;
  const cheaper = cost.more ? (a, b) => b.cost - a.cost : (a, b) => a.cost - b.cost;
  let last = null;
  const comparable = what === 'skill' || board.lowestIsBest;
  for (const point of [...found].sort((a, b) => cheaper(a, b) || better(b.value, a.value) - better(a.value, b.value))) {
    point.front = comparable && (last === null || better(point.value, last.value) || (point.cost === last.cost && point.value === last.value));
    if (point.front) last = point;
  }
  return found;
}

function costsChart(width, board, state, found) {
  const height = Math.min(Math.max(width * 0.58, 300), 480);
  const byError = isError(board, state.what);
  const label = state.what === 'skill' && byError ? `error relative to ${isolate(board.baseline)}, lower is better` : byError ? `${board.metric} on ${isolate(shorten(board.tasks[Number(state.what)], 30))}, lower is better` : 'skill, higher is better';
  const svg = canvas(width, height, 'Accuracy against cost', `${found.length} forecasters; on the Pareto front: ${
    found.filter((point) => point.front).map((point) => isolate(point.name)).join(', ') || 'none'}.`);
  if (!found.length) {
    svg.append(shape('text', { x: width / 2, y: height / 2, class: 'tick middle' }, 'no forecaster has both values'));
    return svg;
  }
  const begins = found.map((point) => point.begin).filter((begin) => begin !== null);
  const least = Math.min(...[...found.map((point) => point.cost), ...begins].filter((cost) => cost > 0), 1);
  const costs = found.map((point) => Math.max(point.cost, least / 2));
  const [low, high] = extent(found.map((point) => point.value));
  const logarithmic = byError && low > 0 && (board.logarithmic || high / low > 50);
  const floor = byError ? low : Math.max(low, -Math.max(high, 0.5));  // a skill below is drawn at the floor
  const margin = (high - floor) * 0.09 || Math.abs(high) * 0.1 || 0.1;
  const y = logarithmic ? logScale(low / 1.3, high * 1.3, height - 48, 34) : linearScale(floor - margin, high + margin, height - 48, 34);
  const [first, last] = extent([...costs, ...begins.map((begin) => Math.max(begin, least / 2))]);
  const [left, right] = [gutter(y, brief), width - 14];
  const x = logScale(first / 1.6, last * 1.6, ...(state.cost.more ? [right, left] : [left, right]));
  axes(svg, x, y, { x: state.cost.axis + (state.cost.more ? ', more to the left' : ''), y: label }, { x: state.cost.format, y: brief });
  const dots = found.map((point, number) => ({ ...point, x: x(costs[number]), y: y(Math.max(point.value, floor)), below: point.value < floor }));
  svg.append(shape('path', { d: frontPath(dots, right), class: 'front' }));
  for (const dot of dots) {
    if (dot.begin !== null) {  // from the median to the 99th percentile
      const begin = x(Math.max(dot.begin, least / 2));
      svg.append(shape('path', { d: `M${begin} ${dot.y}H${dot.x}M${begin} ${dot.y - 3}v6`, class: 'spread' }));
    }
    const kind = dot.front ? 'dot front' : dot.name === board.baseline ? 'dot base' : 'dot';
    const mark = dot.below ? shape('path', { d: `M${dot.x - 5} ${dot.y - 3}h10l-5 8Z`, class: kind })
      : shape('circle', { cx: dot.x, cy: dot.y, r: dot.front ? 5 : 4, class: kind });
    const text = dot.begin === null ? state.cost.format(dot.cost) : `p50 ${state.cost.format(dot.begin)}, p99 ${state.cost.format(dot.cost)}`;
    svg.append(fill(mark, {}, [shape('title', {}, `${isolate(dot.name)}: ${brief(dot.value)}, ${text}`)]));
  }
  addLabels(svg, dots, { left, right, up: 22, bottom: height - 50 });
  return svg;
}

/** Steps from point to point of the front. */
function frontPath(dots, end) {
  const front = dots.filter((dot) => dot.front).sort((a, b) => a.x - b.x);
  return front.length ? `M${front.map((dot, k) => (k ? `H${dot.x.toFixed(1)}V${dot.y.toFixed(1)}` : `${dot.x.toFixed(1)} ${dot.y.toFixed(1)}`)).join('')}H${end}` : '';
}

/** Names beside their dots where there is room, those on the front first. */
function addLabels(svg, dots, box) {
  const taken = dots.map((dot) => ({ left: dot.x - 5, right: dot.x + 5, up: dot.y - 5, bottom: dot.y + 5 }));
  const front = dots.filter((dot) => dot.front).sort((a, b) => a.x - b.x);
  front.forEach((dot, k) => {
    const next = front[k + 1];
    taken.push({ left: dot.x, right: next ? next.x : box.right, up: dot.y - 1, bottom: dot.y + 1 });
    if (next) taken.push({ left: next.x - 1, right: next.x + 1, up: Math.min(dot.y, next.y), bottom: Math.max(dot.y, next.y) });
  });
  const free = (spot) => spot.left >= box.left && spot.right <= box.right && spot.up >= box.up && spot.bottom <= box.bottom
    && !taken.some((other) => spot.left < other.right && spot.right > other.left && spot.up < other.bottom && spot.bottom > other.up);
  for (const dot of [...dots].sort((a, b) => b.front - a.front)) {
    const value = dot.below ? ` ${fixed(dot.value, 2)}` : '';
    const name = shorten(dot.name, 24);
    const length = Array.from(name + value).length * (dot.front ? 7.2 : 6.6) + 3;
    const spots = [[9, 0, ''], [-9, 0, 'end'], [0, -13, 'middle'], [0, 14, 'middle'], [7, -10, ''], [7, 11, ''], [-7, -10, 'end'], [-7, 11, 'end'],
      [10, -19, ''], [10, 20, ''], [-10, -19, 'end'], [-10, 20, 'end']];
    for (const [dx, dy, anchor] of spots) {
      const left = dot.x + dx - (anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0);
      const spot = { left, right: left + length, up: dot.y + dy - 7, bottom: dot.y + dy + 7 };
      if (free(spot)) {
        taken.push(spot);
        svg.append(shape('text', { x: dot.x + dx, y: dot.y + dy + 4, class: `item small ${anchor}${dot.front ? ' strong' : ''}` }, isolate(name), value));
        break;
      }
    }
  }
}
