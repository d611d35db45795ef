'use strict';

/* Parts of all charts: a frame that follows its width, axes, a legend of buttons, and the data as a table. */

/**
 * A figure in `host`. `draw(width)` gives an SVG, `table()` the headings and rows of what it shows.
 * Returns a function that draws it again.
 */
function figure(host, { draw, table }) {
  const frame = element('div', { class: 'frame' });
  const details = element('details', { class: 'data' }, element('summary', {}, 'Data as a table'));
  host.append(element('figure', {}, frame, details));
  let width = 0;
  const redraw = () => {
    width = Math.max(Math.round(frame.clientWidth), 240);
    frame.replaceChildren(draw(width));
    if (details.open) fillTable();
  };
  const fillTable = () => {
    const { caption, headings, rows } = table();
    const head = element('tr', {}, headings.map((heading) => element('th', { scope: 'col' }, named(heading))));
    const body = rows.map(([first, ...others]) => element('tr', {}, element('th', { scope: 'row' }, named(first)),
      others.map((text) => element('td', {}, named(text)))));
    const whole = element('table', { class: 'plain' }, element('caption', {}, caption), element('thead', {}, head),
      element('tbody', {}, body));
    details.querySelector('.scroll')?.remove();
    details.append(element('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': caption }, whole));
  };
  details.addEventListener('toggle', () => { if (details.open) fillTable(); });
  new ResizeObserver(() => {
    if (Math.abs(frame.clientWidth - width) > 1 && frame.clientWidth > 0) redraw();
  }).observe(frame);
  redraw();
  return redraw;
}

/** An SVG with a title and a description for screen readers. */
function canvas(width, height, title, description) {
  const ids = [nextId(), nextId()];
  return shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-labelledby': ids.join(' '), class: 'chart' },
    shape('title', { id: ids[0] }, title), shape('desc', { id: ids[1] }, description));
}

let lastId = 0;
function nextId() {
  lastId += 1;
  return `chart-${lastId}`;
}

/** Axes with a faint grid; `x` and `y` are scales, `labels` their titles, `format` writes their ticks. */
function axes(svg, x, y, labels, format) {
  const [left, right, bottom, up] = [Math.min(x.from, x.to), Math.max(x.from, x.to), y.from, y.to];
  for (const tick of y.ticks(Math.max(Math.round((bottom - up) / 55), 2))) {
    svg.append(shape('line', { x1: left, x2: right, y1: y(tick), y2: y(tick), class: 'grid' }));
    svg.append(shape('text', { x: left - 8, y: y(tick) + 4, class: 'tick end' }, format.y(tick)));
  }
  let free = -Infinity;
  for (const tick of x.ticks(Math.max(Math.round((right - left) / 90), 2)).sort((a, b) => x(a) - x(b))) {
    const text = format.x(tick);
    if (!text) continue;
    const half = text.length * 3.4;
    svg.append(shape('line', { x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5, class: 'axis' }));
    if (x(tick) - half < free) continue;
    free = x(tick) + half + 6;
    svg.append(shape('text', { x: x(tick), y: bottom + 19, class: 'tick middle' }, text));
  }
  svg.append(shape('line', { x1: left, x2: right, y1: bottom, y2: bottom, class: 'axis' }));
  svg.append(shape('text', { x: right, y: bottom + 38, class: 'label end' }, labels.x));
  svg.append(shape('text', { x: Math.min(left, 4), y: up - 12, class: 'label' }, labels.y));
}

/** The width that the ticks of a y axis need. */
function gutter(y, format) {
  const longest = Math.max(...y.ticks(6).map((tick) => format(tick).length), 2);
  return Math.min(14 + longest * 7.2, 96);
}

const COLOURS = 8;
const DASHES = ['', '7 3', '2 3', '9 3 2 3'];

/** The style of a forecaster's line, by position: a colour, and beyond eight of them a dash pattern. */
function lineStyle(position) {
  const dash = DASHES[Math.floor(position / COLOURS) % DASHES.length];
  return { class: `line s${position % COLOURS}`, 'stroke-dasharray': dash || null };
}

/** Buttons that show and hide forecasters; they change `shown`, the set of positions. */
function legend(names, shown, present, changed) {
  const buttons = new Map();
  const refresh = () => {
    for (const [position, button] of buttons) {
      button.setAttribute('aria-pressed', String(shown.has(position)));
      button.disabled = !present(position);
    }
  };
  names.forEach((name, position) => {
    const line = shape('svg', { width: 22, height: 10, 'aria-hidden': 'true', focusable: 'false' },
      shape('path', { d: 'M1 5H21', ...lineStyle(position) }));
    const button = element('button', { type: 'button', class: 'key', title: name }, line, named(name));
    button.addEventListener('click', () => {
      if (!shown.delete(position)) shown.add(position);
      refresh();
      changed();
    });
    buttons.set(position, button);
  });
  const all = (label, kept) => {
    const button = element('button', { type: 'button', class: 'quiet' }, label);
    button.addEventListener('click', () => {
      shown.clear();
      names.forEach((_, position) => { if (kept(position)) shown.add(position); });
      refresh();
      changed();
    });
    return button;
  };
  refresh();
  const box = element('div', { class: 'legend', role: 'group', 'aria-label': 'Forecasters shown' },
    element('div', { class: 'keys' }, [...buttons.values()]),
    element('div', { class: 'bulk' }, all('All', () => true), all('None', () => false)));
  return { box, refresh };
}
