'use strict';

/* Training curves: the values that a forecaster recorded while it was fitted, its stages one after the other. */

function addTraining(host, board) {
  addCurves(host, board, board.training, {
    read: (cell) => trainingStages(cell.curves), names: quantitiesOf, chart: trainingChart, table: trainingTable,
  });
}

/* A chart of the curves of a cell, with controls that choose the cell; `read` gives what the other functions show. */
function addCurves(host, board, cells, { read, names, chart, table }) {
  const forecasters = [...new Set(cells.map((cell) => cell.name))];
  const state = { name: forecasters[0], cell: 0, logarithmic: true };
  const own = () => cells.filter((cell) => cell.name === state.name);
  const chosen = () => own()[state.cell];
  const cellField = element('span', { class: 'field' });
  const keys = element('div', { class: 'swatches' });
  const refresh = () => {
    const options = own().map((cell, position) => [position, `${board.tasks[cell.task]}${cell.seed === null ? '' : `, seed ${cell.seed}`}`]);
    cellField.replaceChildren(select('Task', options, state.cell, (value) => { state.cell = Number(value); redraw(); }));
  };
  const scale = choice('Scale', [['linear', 'Linear'], ['log', 'Logarithmic']], 'log',
    (value) => { state.logarithmic = value === 'log'; redraw(); });
  host.append(element('div', { class: 'controls' },
    select('Forecaster', forecasters.map((name) => [name, name]), state.name, (value) => {
      [state.name, state.cell] = [value, 0];
      refresh();
      redraw();
    }), cellField, scale), keys);
  refresh();
  const redraw = figure(host, {
    draw: (width) => {
      const found = read(chosen());
      keys.replaceChildren(...names(found).map((name, position) => element('span', {},
        shape('svg', { width: 24, height: 10, 'aria-hidden': 'true', focusable: 'false' }, shape('path', { d: 'M1 5H23', ...lineStyle(position) })), named(name))));
      return chart(width, board, state, chosen(), found);
    },
    table: () => table(chosen(), read(chosen())),
  });
}

function quantitiesOf(stages) {
  return [...new Set(stages.flatMap(({ lines }) => lines.map(({ quantity }) => quantity)))];
}

function trainingChart(width, board, state, cell, stages) {
  const lines = stages.flatMap((stage) => stage.lines);
  const quantities = quantitiesOf(stages);
  const values = lines.flatMap(({ found }) => found.map(([, value]) => value));
  const positive = extent(values.filter((value) => value > 0));
  const logarithmic = state.logarithmic && positive !== null;
  const [low, high] = logarithmic ? positive : extent(values) || [0, 1];
  const margin = (high - low) * 0.04;
  const bottom = Math.min(Math.max(width * 0.45, 240), 360) - 48;
  const y = logarithmic ? logScale(low / 1.15, high * 1.15, bottom, 34) : linearScale(low - margin, high + margin, bottom, 34);
  const last = stages[stages.length - 1].end;
  const several = stages.length > 1;
  const x = linearScale(several ? 0 : 1, Math.max(last, 2), gutter(y, brief), width - 14);
  const svg = canvas(width, bottom + 48 + (several ? 15 * (stages.length - 1) : 0), `Training curves of ${isolate(cell.name)} on ${isolate(board.tasks[cell.task])}`,
    `${quantities.map(isolate).join(', ')}; stages: ${stages.map(({ steps }) => isolate(steps)).join(', ')}; the table below has the values that are drawn.`);
  const quantity = quantities.length > 3 ? 'recorded value' : quantities.map(isolate).join(', ');
  axes(svg, x, y, { x: several ? '' : isolate(stages[0].steps), y: `${quantity}${logarithmic ? ', logarithmic' : ''}` },
    { x: (tick) => (!several && Number.isInteger(tick) ? String(tick) : ''), y: brief });
  if (several) {
    const rows = addStages(svg, stages, x, 34, bottom);
    svg.append(shape('text', { x: x.to, y: bottom + 23 + rows * 15, class: 'label end' }, 'stages of the training, one after the other'));
  }
  for (const { quantity: name, found } of lines) {
    const style = lineStyle(quantities.indexOf(name));
    svg.append(shape('path', { d: pathOf(found, x, y), ...style }, shape('title', {}, isolate(name))));
    for (const [step, value] of isolatedPoints(found)) {
      svg.append(shape('circle', { cx: x(step), cy: y(value), r: 4, class: style.class.replace('line', 'point') }));
    }
  }
  return svg;
}

function trainingTable(cell, stages) {
  const quantities = quantitiesOf(stages);
  const several = stages.length > 1;
  const rows = stages.flatMap(({ steps, lines, begin }) => {
    const maps = quantities.map((name) => new Map(lines.find(({ quantity }) => quantity === name)?.found));
    const shown = [...new Set(lines.flatMap(({ found }) => found.map(([step]) => step)))].sort((a, b) => a - b);
    return shown.map((step) => [...(several ? [steps] : []), String(Number((step - begin).toFixed(1))),
      ...maps.map((values) => (values.has(step) ? brief(values.get(step)) : ''))]);
  });
  return {
    caption: `Training curves of ${isolate(cell.name)}`,
    headings: [...(several ? ['Stage', 'Step'] : [stages[0].steps]), ...quantities],
    rows,
  };
}
