'use strict';

/* Forecasts and actuals: the best and the worst window of a forecaster on a task. */

function addWindows(host, board) {
  const found = board.examples.windows;
  const tasks = board.tasks.map((task, position) => [position, task]).filter(([position]) => Object.keys(found[position]).length > 0);
  const state = { task: tasks[0][0], forecaster: Object.keys(found[tasks[0][0]])[0], target: 0 };
  const charts = element('div', { class: 'twins' });
  const forecasters = element('span', { class: 'field' });
  const targets = element('span', { class: 'field' });
  const examples = () => found[state.task][state.forecaster];
  const refresh = () => {
    const available = Object.keys(found[state.task]);
    if (!available.includes(state.forecaster)) [state.forecaster] = available;
    forecasters.replaceChildren(select('Forecaster', available.map((position) => [position, board.rows[position].name]), state.forecaster,
      (value) => { state.forecaster = value; draw(); }));
    const names = board.examples.actuals[examples()[0].actuals].targets.map((target, position) => [position, target.name || `target ${position + 1}`]);
    if (state.target >= names.length) state.target = 0;
    targets.hidden = names.length < 2;
    targets.replaceChildren(select('Target', names, state.target, (value) => { state.target = Number(value); draw(); }));
  };
  const draw = () => {
    charts.replaceChildren();
    examples().forEach((example, position) => {
      const title = examples().length === 1 ? 'The only window' : position === 0 ? 'Best window' : 'Worst window';
      const box = element('div', { class: 'twin' });
      charts.append(box);
      addWindow(box, board, state, example, title);
    });
  };
  host.append(element('div', { class: 'controls' },
    select('Task', tasks, state.task, (value) => { state.task = Number(value); refresh(); draw(); }), forecasters, targets), charts);
  if (board.examples.shown < board.rows.length) {
    host.append(element('p', { class: 'fine' }, `To keep this page small, it has windows of the best ${board.examples.shown} forecasters only.`));
  }
  refresh();
  draw();
}

function addWindow(box, board, state, example, title) {
  const window = board.examples.actuals[example.actuals];
  const target = window.targets[state.target];
  const line = example.lines[state.target];
  const first = 1 + window.gap;  // the first step forecast, counted from the cutoff
  const past = points(target.past, first - target.past.n);
  const last = past[past.length - 1];
  const actual = points(target.actual, first);
  const parts = {
    past,
    actual: last && last[1] !== null ? [last, ...actual] : actual,
    mean: points(line.mean, first),
    low: line.low ? points(line.low, first) : [],
    high: line.high ? points(line.high, first) : [],
    horizon: target.actual.n,
    last: window.gap + target.actual.n,
    levels: example.levels,
    before: board.logarithmic ? 'given' : 'past',  // of a free run, what the forecaster starts from
    value: target.categories ? (value) => className(target.categories, value) : brief,
  };
  const where = [element('span', {}, 'series ', named(window.series)), ', ', `cutoff ${window.cutoff}`, window.time ? ` (${window.time})` : ''];
  box.append(element('h3', {}, title, element('span', { class: 'loss' }, `${board.examples.loss} ${brief(example.loss)}`)),
    element('p', { class: 'fine' }, where), windowKey(parts));
  const shown = { range: null };  // the steps that are enlarged; null: all
  const description = `${isolate(board.rows[state.forecaster].name)} on ${isolate(board.tasks[state.task])}, series ${isolate(window.series)}, ${
    window.cutoff} observations known, ${parts.horizon} steps forecast.`;
  const choose = (range) => {
    shown.range = range;
    press(steps, Object.keys(ranges).find((name) => ranges[name] === range));
    redraw();
  };
  const redraw = figure(box, {
    draw: (width) => windowChart(width, parts, title, description, shown.range, choose),
    table: () => windowTable(parts, title),
  });
  const [begin, end] = [parts.past[0]?.[0] ?? 1, parts.last];
  const tenth = Math.max(Math.round((end - begin) / 10), 4);
  const places = [['all', 'All'], ['cutoff', 'At the cutoff'], ['end', 'Last']];
  const ranges = { all: null, cutoff: [Math.max(begin, 1 - tenth), Math.min(1 + tenth, end)], end: [Math.max(end - 2 * tenth, begin), end] };
  const steps = choice('Steps', places, 'all', (value) => choose(ranges[value]));
  if (end - begin > 60) box.insertBefore(element('div', { class: 'controls' }, steps), box.querySelector('figure'));
}

/** The category of a value; empty between two of them. */
function className(categories, value) {
  const position = Math.round(value);
  return value !== null && Math.abs(value - position) < 1e-6 ? categories[position] ?? '' : '';
}

function windowKey(parts) {
  const key = (kind, text) => element('span', {}, shape('svg', { width: 24, height: 10, 'aria-hidden': 'true', focusable: 'false' },
    kind === 'band' ? shape('rect', { x: 1, y: 0, width: 22, height: 10, class: 'band' }) : shape('path', { d: 'M1 5H23', class: kind })), text);
  return element('div', { class: 'swatches' }, parts.past.length > 0 && key('past', parts.before), key('actual', 'actual'), key('mean', 'forecast'),
    parts.low.length > 0 && key('band', `${brief(parts.levels[0] * 100)} to ${brief(parts.levels[1] * 100)} % quantile`));
}

function windowChart(width, whole, title, description, range, choose) {
  const parts = range ? partsWithin(whole, range) : whole;
  const height = Math.min(Math.max(width * 0.52, 220), 320);
  const all = [parts.past, parts.actual, parts.mean, parts.low, parts.high].flat();
  const [low, high] = extent(all.map(([, value]) => value)) || [0, 1];
  const margin = (high - low) * 0.05;
  const y = linearScale(low - margin, high + margin, height - 48, 20);
  const [from, to] = range || [Math.min(parts.past[0]?.[0] ?? 1, 0), Math.max(parts.last, 1.5)];
  const x = linearScale(from, to, gutter(y, parts.value), width - 14);
  const svg = canvas(width, height, title, description);
  axes(svg, x, y, { x: 'steps from the cutoff', y: '' },
    { x: (tick) => (Number.isInteger(tick) ? fixed(tick, 0) : ''), y: parts.value });
  const cut = x(0.5);
  if (from <= 0.5 && to >= 0.5) svg.append(shape('line', { x1: cut, x2: cut, y1: 20, y2: height - 48, class: 'cut' }, shape('title', {}, 'cutoff')));
  if (parts.low.length) svg.append(shape('path', { d: areaOf(parts.low, parts.high, x, y), class: 'band' }));
  if (parts.low.length === 1 && parts.low[0][1] !== null) {
    const [[step, bottom], [, up]] = [parts.low[0], parts.high[0]];
    svg.append(shape('rect', { x: x(step) - 8, y: y(up), width: 16, height: Math.max(y(bottom) - y(up), 0), class: 'band' }));
  }
  for (const kind of ['past', 'actual', 'mean']) {
    svg.append(shape('path', { d: pathOf(parts[kind], x, y), class: kind }));
    for (const [step, value] of isolatedPoints(parts[kind])) svg.append(shape('circle', { cx: x(step), cy: y(value), r: kind === 'actual' ? 5.5 : 3.5, class: `spot ${kind}` }));
  }
  addZoom(svg, x, [from, to], height, choose);
  return svg;
}

/** The points of all lines within a range of steps. */
function partsWithin(parts, [from, to]) {
  const within = (found) => found.filter(([step]) => step >= from && step <= to);
  const lines = Object.fromEntries(['past', 'actual', 'mean', 'low', 'high'].map((kind) => [kind, within(parts[kind])]));
  return { ...parts, ...lines };
}

/** Dragging over a chart chooses the steps that it shows; a double click shows all. */
function addZoom(svg, x, [from, to], height, choose) {
  const step = (event) => {
    const box = svg.getBoundingClientRect();
    const position = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    return Math.min(Math.max(from + (position - x.from) / (x.to - x.from) * (to - from), from), to);
  };
  const mark = shape('rect', { y: 20, height: height - 68, width: 0, class: 'zoom' });
  let begin = null;
  svg.append(mark);
  svg.addEventListener('pointerdown', (event) => { if (event.button === 0) { begin = step(event); svg.setPointerCapture(event.pointerId); } });
  svg.addEventListener('pointermove', (event) => {
    if (begin === null) return;
    const [left, right] = [x(begin), x(step(event))].sort((a, b) => a - b);
    fill(mark, { x: left, width: right - left }, []);
  });
  svg.addEventListener('pointerup', (event) => {
    const ends = begin === null ? [0, 0] : [begin, step(event)].sort((a, b) => a - b);
    begin = null;
    fill(mark, { width: 0 }, []);
    if (ends[1] - ends[0] >= 3) choose([Math.round(ends[0]), Math.round(ends[1])]);
  });
  svg.addEventListener('pointercancel', () => { begin = null; fill(mark, { width: 0 }, []); });
  svg.addEventListener('dblclick', () => choose(null));
}

function windowTable(parts, title) {
  const columns = ['past', 'actual', 'mean', 'low', 'high'].filter((kind) => parts[kind].length);
  const maps = columns.map((kind) => new Map(parts[kind]));
  const steps = [...new Set(columns.flatMap((kind) => parts[kind].map(([step]) => step)))].sort((a, b) => a - b);
  const words = { past: parts.before === 'given' ? 'Given' : 'Past', actual: 'Actual', mean: 'Forecast', low: 'Low quantile', high: 'High quantile' };
  return {
    caption: `${title}, steps from the cutoff`,
    headings: ['Step', ...columns.map((kind) => words[kind])],
    rows: steps.map((step) => [fixed(step, 0), ...maps.map((values) => (values.has(step) ? parts.value(values.get(step)) : ''))]),
  };
}
