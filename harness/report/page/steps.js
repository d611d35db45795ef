'use strict';

/* The error at each step of the horizon: a line per forecaster, and a slider that reads a step off. */

const SHOWN_AT_FIRST = 6;

function addSteps(host, board) {
  const names = board.rows.map((row) => row.name);
  const tasks = board.tasks.map((task, position) => [position, task])
    .filter(([position]) => Object.keys(board.examples.steps[position]).length > 0);
  const shown = new Set([...names.keys()].filter((position) => position < SHOWN_AT_FIRST || names[position] === board.baseline));
  const state = { task: tasks[0][0], step: 1, logarithmic: board.logarithmic };
  const curves = () => board.examples.steps[state.task];
  const horizon = () => Math.max(...Object.values(curves()).map((line) => line.n));
  const visible = () => [...shown].filter((position) => String(position) in curves()).sort((a, b) => a - b)
    .map((position) => ({ position, name: names[position], found: points(curves()[position], 1) }));
  const slider = element('input', { type: 'range', min: 1, max: horizon(), value: 1, 'aria-label': 'Step to read off' });
  const reading = element('output', { class: 'reading-text steps-reading', 'aria-live': 'polite' });
  const read = () => {
    const at = visible().map(({ name, found }) => [name, nearest(found, state.step)]).filter(([, value]) => value !== null);
    at.sort((a, b) => a[1] - b[1]);
    reading.replaceChildren(element('b', {}, `Step ${state.step}`),
      ...at.map(([name, value]) => element('span', {}, named(name), ` ${brief(value)}`)));
  };
  const keys = legend(names, shown, (position) => String(position) in curves(), () => { redraw(); read(); });
  const changeTask = (value) => {
    state.task = Number(value);
    state.step = Math.min(state.step, horizon());
    slider.max = horizon();
    keys.refresh();
    redraw();
    read();
  };
  const scale = choice('Scale', [['linear', 'Linear'], ['log', 'Logarithmic']], state.logarithmic ? 'log' : 'linear',
    (value) => { state.logarithmic = value === 'log'; redraw(); });
  host.append(element('div', { class: 'controls' }, select('Task', tasks, state.task, changeTask), scale), keys.box);
  const redraw = figure(host, {
    draw: (width) => stepsChart(width, board, state, visible(), horizon()),
    table: () => stepsTable(board, state, visible()),
  });
  slider.addEventListener('input', () => {
    state.step = Number(slider.value);
    redraw();
    read();
  });
  host.querySelector('figure').insertBefore(element('div', { class: 'reading' }, slider, reading), host.querySelector('details'));
  read();
}

/** The value at a step, or at the nearest one that was kept. */
function nearest(found, step) {
  let best = null;
  for (const point of found) if (best === null || Math.abs(point[0] - step) < Math.abs(best[0] - step)) best = point;
  return best === null ? null : best[1];
}

function stepsChart(width, board, state, lines, horizon) {
  const height = Math.min(Math.max(width * 0.5, 260), 400);
  const values = lines.flatMap(({ found }) => found.map(([, value]) => value));
  const positive = extent(values.filter((value) => value > 0));
  const logarithmic = state.logarithmic && positive !== null;
  const [low, high] = logarithmic ? positive : extent(values) || [0, 1];
  const ends = logarithmic ? [low / 1.15, high * 1.15] : [Math.min(0, low), high * 1.04 || 1];
  const scale = logarithmic ? logScale : linearScale;
  const y = scale(ends[0], ends[1], height - 48, 34);
  const x = linearScale(1, Math.max(horizon, 2), gutter(y, brief), width - 14);
  const task = isolate(board.tasks[state.task]);
  const svg = canvas(width, height, `${board.metric} by step of the horizon on ${task}`,
    `${lines.length} forecasters over ${horizon} steps; the table below has all values.`);
  axes(svg, x, y, { x: 'step of the horizon', y: `${board.metric}${logarithmic ? ', logarithmic' : ''}` },
    { x: (tick) => (Number.isInteger(tick) ? String(tick) : ''), y: brief });
  svg.append(shape('line', { x1: x(state.step), x2: x(state.step), y1: 34, y2: height - 48, class: 'cursor' }));
  for (const { position, name, found } of [...lines].reverse()) {
    const style = lineStyle(position);
    svg.append(shape('path', { d: pathOf(found, x, y), ...style }, shape('title', {}, isolate(name))));
    for (const [step, value] of isolatedPoints(found)) {
      svg.append(shape('circle', { cx: x(step), cy: y(value), r: 4, class: style.class.replace('line', 'point') }));
    }
  }
  if (!lines.length) svg.append(shape('text', { x: width / 2, y: height / 2, class: 'tick middle' }, 'no forecaster selected'));
  return svg;
}

function stepsTable(board, state, lines) {
  const steps = [...new Set(lines.flatMap(({ found }) => found.map(([step]) => step)))].sort((a, b) => a - b);
  const maps = lines.map(({ found }) => new Map(found));
  return {
    caption: `${board.metric} by step on ${isolate(board.tasks[state.task])}`,
    headings: ['Step', ...lines.map(({ name }) => name)],
    rows: steps.map((step) => [String(step), ...maps.map((values) => (values.has(step) ? brief(values.get(step)) : ''))]),
  };
}
