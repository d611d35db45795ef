'use strict';

/* Accuracy against cost, and the front of those whom nobody beats in both. */

const SAY = { seconds: duration, rate, bytes: megabytes };

function costsExhibit(host, board) {
  const kinds = costKinds(board);
  const state = { cost: kinds[0], what: 'skill' };
  const tasks = board.tasks.map((task, place) => [String(place), `${board.metric} on ${task}`]);
  const again = () => redraw();
  const chosen = (value) => { state.cost = kinds.find((one) => one.name === value); again(); };
  const options = kinds.map((one) => [one.name, one.heading]);
  host.append(element('div', { class: 'controls' },
    (options.length > 2 ? select : choice)('Cost', options, state.cost.name, chosen),
    select('Accuracy', [['skill', 'Skill'], ...tasks], state.what, (value) => { state.what = value; again(); })));
  const redraw = figure(host, {
    draw: (width) => costsChart(width, board, state, costPoints(board, state)),
    table: () => ({
      caption: 'Accuracy against cost',
      headings: ['Forecaster', state.what === 'skill' ? 'Skill' : board.metric, ...(state.cost.from ? ['p50'] : []), state.cost.heading, 'On the front'],
      rows: costPoints(board, state).map((one) => [one.name, brief(one.value), ...(state.cost.from ? [state.cost.say(one.begin)] : []),
        state.cost.say(one.cost), one.front ? 'yes' : '']),
    }),
  });
}

/** What can be chosen: measured costs, where anybody has them, and the indicative ones of runs. */
function costKinds(board) {
  const of = (name) => {
    const place = board.costs.kinds.findIndex((kind) => kind.name === name);
    return place < 0 ? null : (row) => board.costs.rows[row][place];
  };
  const measured = board.costs.kinds.filter((_, place) => board.costs.rows.some((row) => row[place] !== null))
    .map((kind) => ({
      ...kind, say: SAY[kind.kind], of: of(kind.name), from: kind.name === 'latency_p99' ? of('latency_p50') : null,
      axis: !kind.name.startsWith('latency') ? kind.meaning
        : `latency of one window, ${kind.heading}${kind.name === 'latency_p99' ? '; the line begins at the p50' : ''}`,
    })).map((kind) => ({ ...kind, heading: kind.name.startsWith('latency') ? `Latency, ${kind.heading}` : kind.heading }));
  const note = measured.length ? ' (indicative)' : '';
  return [...measured,
    { name: 'predict', heading: `Predict a window${note}`, axis: 'forecasting a window', say: duration, of: (row) => board.rows[row].predict },
    { name: 'fit', heading: `Fit${measured.length ? ', all tasks (indicative)' : ''}`, axis: 'fitting, all tasks', say: duration, of: (row) => board.rows[row].fit }];
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

/** Each forecaster's cost and value, and whether it is on the front: nobody is as cheap and better, or cheaper and as good. */
function costPoints(board, state) {
  const { cost, what } = state;
  const found = board.rows.map((row, place) => ({
    name: row.name, cost: cost.of(place), begin: cost.from ? cost.from(place) : null,
    value: what === 'skill' ? row.skill[0] : row.scores[Number(what)],
  })).filter((one) => one.cost !== null && one.value !== null);
  const better = what === 'skill' ? (a, b) => a > b : (a, b) => a < b;
  const cheaper = cost.more ? (a, b) => b.cost - a.cost : (a, b) => a.cost - b.cost;
  let last = null;
  const judged = what === 'skill' || board.lowestIsBest;
  for (const one of [...found].sort((a, b) => cheaper(a, b) || better(b.value, a.value) - better(a.value, b.value))) {
    one.front = judged && (last === null || better(one.value, last.value) || (one.cost === last.cost && one.value === last.value));
    if (one.front) last = one;
  }
  return found;
}

function costsChart(width, board, state, found) {
  const height = Math.min(Math.max(width * 0.58, 300), 480);
  const byError = state.what !== 'skill';
  const label = byError ? `${board.metric} on ${isolated(shortened(board.tasks[Number(state.what)], 30))}, down is better` : 'skill, up is better';
  const svg = canvas(width, height, 'Accuracy against cost', `${found.length} forecasters; on the front: ${
    found.filter((one) => one.front).map((one) => isolated(one.name)).join(', ') || 'nobody'}.`);
  if (!found.length) {
    svg.append(shape('text', { x: width / 2, y: height / 2, class: 'tick middle' }, 'no forecaster has both'));
    return svg;
  }
  const begins = found.map((one) => one.begin).filter((begin) => begin !== null);
  const least = Math.min(...[...found.map((one) => one.cost), ...begins].filter((cost) => cost > 0), 1);
  const costs = found.map((one) => Math.max(one.cost, least / 2));
  const [low, high] = extent(found.map((one) => one.value));
  const logarithmic = byError && low > 0 && (board.logarithmic || high / low > 50);
  const floor = byError ? low : Math.max(low, -Math.max(high, 0.5));  // a skill below is drawn at the floor
  const margin = (high - floor) * 0.09 || Math.abs(high) * 0.1 || 0.1;
  const y = logarithmic ? logScale(low / 1.3, high * 1.3, height - 48, 34) : linearScale(floor - margin, high + margin, height - 48, 34);
  const [first, last] = extent([...costs, ...begins.map((begin) => Math.max(begin, least / 2))]);
  const [left, right] = [gutter(y, brief), width - 14];
  const x = logScale(first / 1.6, last * 1.6, ...(state.cost.more ? [right, left] : [left, right]));
  axes(svg, x, y, { x: state.cost.axis + (state.cost.more ? ', more to the left' : ''), y: label }, { x: state.cost.say, y: brief });
  const places = found.map((one, number) => ({ ...one, x: x(costs[number]), y: y(Math.max(one.value, floor)), below: one.value < floor }));
  svg.append(shape('path', { d: frontPath(places, right), class: 'front' }));
  for (const one of places) {
    if (one.begin !== null) {  // from the median to the 99th percentile
      const begin = x(Math.max(one.begin, least / 2));
      svg.append(shape('path', { d: `M${begin} ${one.y}H${one.x}M${begin} ${one.y - 3}v6`, class: 'spread' }));
    }
    const kind = one.front ? 'dot front' : one.name === board.baseline ? 'dot base' : 'dot';
    const mark = one.below ? shape('path', { d: `M${one.x - 5} ${one.y - 3}h10l-5 8Z`, class: kind })
      : shape('circle', { cx: one.x, cy: one.y, r: one.front ? 5 : 4, class: kind });
    const said = one.begin === null ? state.cost.say(one.cost) : `p50 ${state.cost.say(one.begin)}, p99 ${state.cost.say(one.cost)}`;
    svg.append(filled(mark, {}, [shape('title', {}, `${isolated(one.name)}: ${brief(one.value)}, ${said}`)]));
  }
  placeLabels(svg, places, { left, right, up: 22, bottom: height - 50 });
  return svg;
}

/** Steps from point to point of the front. */
function frontPath(places, end) {
  const front = places.filter((one) => one.front).sort((a, b) => a.x - b.x);
  return front.length ? `M${front.map((one, k) => (k ? `H${one.x.toFixed(1)}V${one.y.toFixed(1)}` : `${one.x.toFixed(1)} ${one.y.toFixed(1)}`)).join('')}H${end}` : '';
}

/** Names beside their dots, where there is room for them; those on the front first. */
function placeLabels(svg, places, box) {
  const taken = places.map((one) => ({ left: one.x - 5, right: one.x + 5, up: one.y - 5, bottom: one.y + 5 }));
  const front = places.filter((one) => one.front).sort((a, b) => a.x - b.x);
  front.forEach((one, k) => {
    const next = front[k + 1];
    taken.push({ left: one.x, right: next ? next.x : box.right, up: one.y - 1, bottom: one.y + 1 });
    if (next) taken.push({ left: next.x - 1, right: next.x + 1, up: Math.min(one.y, next.y), bottom: Math.max(one.y, next.y) });
  });
  const free = (spot) => spot.left >= box.left && spot.right <= box.right && spot.up >= box.up && spot.bottom <= box.bottom
    && !taken.some((other) => spot.left < other.right && spot.right > other.left && spot.up < other.bottom && spot.bottom > other.up);
  for (const one of [...places].sort((a, b) => b.front - a.front)) {
    const value = one.below ? ` ${fixed(one.value, 2)}` : '';
    const said = shortened(one.name, 24);
    const length = Array.from(said + value).length * (one.front ? 7.2 : 6.6) + 3;
    const spots = [[9, 0, ''], [-9, 0, 'end'], [0, -13, 'middle'], [0, 14, 'middle'], [7, -10, ''], [7, 11, ''], [-7, -10, 'end'], [-7, 11, 'end']];
    for (const [dx, dy, anchor] of spots) {
      const left = one.x + dx - (anchor === 'end' ? length : anchor === 'middle' ? length / 2 : 0);
      const spot = { left, right: left + length, up: one.y + dy - 7, bottom: one.y + dy + 7 };
      if (free(spot)) {
        taken.push(spot);
        svg.append(shape('text', { x: one.x + dx, y: one.y + dy + 4, class: `item small ${anchor}${one.front ? ' strong' : ''}` }, isolated(said), value));
        break;
      }
    }
  }
}
