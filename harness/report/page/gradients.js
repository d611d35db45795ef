'use strict';

/* Gradient norms: the norm of the gradient of a loss at each time step, counted back from the last one. */

function addGradients(host, board) {
  addCurves(host, board, board.gradients, {
    read: (cell) => Object.entries(cell.curves).map(([name, line], position) => ({ name, position, found: points(line, 0) })),
    names: (lines) => lines.map(({ name }) => name), chart: gradientsChart, table: gradientsTable,
  });
}

function gradientsChart(width, board, state, cell, lines) {
  const height = Math.min(Math.max(width * 0.45, 240), 360);
  const values = lines.flatMap(({ found }) => found.map(([, value]) => value));
  const positive = extent(values.filter((value) => value > 0));
  const logarithmic = state.logarithmic && positive !== null;
  const [low, high] = logarithmic ? positive : extent(values) || [0, 1];
  const margin = (high - low) * 0.04;
  const y = logarithmic ? logScale(low / 1.15, high * 1.15, height - 48, 34) : linearScale(low - margin, high + margin, height - 48, 34);
  const last = Math.max(...lines.map(({ found }) => found[found.length - 1][0]), 1);
  const x = linearScale(0, last, gutter(y, brief), width - 14);
  const svg = canvas(width, height, `Gradient norms of ${isolate(cell.name)} on ${isolate(board.tasks[cell.task])}`,
    `${lines.length} curves over ${last} steps; the table below has the values that are drawn.`);
  axes(svg, x, y, { x: 'time steps before the last one', y: logarithmic ? 'logarithmic' : '' }, { x: (tick) => (Number.isInteger(tick) ? String(tick) : ''), y: brief });
  for (const { name, position, found } of lines) {
    const style = lineStyle(position);
    svg.append(shape('path', { d: pathOf(found, x, y), ...style }, shape('title', {}, isolate(name))));
    for (const [step, value] of isolatedPoints(found)) {
      svg.append(shape('circle', { cx: x(step), cy: y(value), r: 4, class: style.class.replace('line', 'point') }));
    }
  }
  return svg;
}

function gradientsTable(cell, lines) {
  const maps = lines.map(({ found }) => new Map(found));
  const steps = [...new Set(lines.flatMap(({ found }) => found.map(([step]) => step)))].sort((a, b) => a - b);
  return {
    caption: `Gradient norms of ${isolate(cell.name)}`,
    headings: ['Steps before', ...lines.map(({ name }) => name)],
    rows: steps.map((step) => [String(step), ...maps.map((values) => (values.has(step) ? brief(values.get(step)) : ''))]),
  };
}
