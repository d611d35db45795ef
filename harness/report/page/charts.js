'use strict';

/* What all charts share: a frame that follows its width, axes, a legend of buttons, and the data as a table. */

/**
 * A figure in `host`. `draw(width)` gives an SVG, `table()` the headings and rows of what it shows.
 * Returns a procedure that draws it anew.
 */
function figure(host, { draw, table }) {
  const frame = element('div', { class: 'frame' });
  const details = element('details', { class: 'data' }, element('summary', {}, 'Data as a table'));
  host.append(element('figure', {}, frame, details));
  let drawn = 0;
  const again = () => {
    drawn = Math.max(Math.round(frame.clientWidth), 240);
    frame.replaceChildren(draw(drawn));
    if (details.open) fill();
  };
  const fill = () => {
    const { caption, headings, rows } = table();
    const head = element('tr', {}, headings.map((one) => element('th', { scope: 'col' }, named(one))));
    const body = rows.map(([first, ...others]) => element('tr', {}, element('th', { scope: 'row' }, named(first)),
      others.map((one) => element('td', {}, named(one)))));
    const whole = element('table', { class: 'plain' }, element('caption', {}, caption), element('thead', {}, head),
      element('tbody', {}, body));
    details.querySelector('.scroll')?.remove();
    details.append(element('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': caption }, whole));
  };
  details.addEventListener('toggle', () => { if (details.open) fill(); });
  new ResizeObserver(() => {
    if (Math.abs(frame.clientWidth - drawn) > 1 && frame.clientWidth > 0) again();
  }).observe(frame);
  again();
  return again;
}

/** An SVG with a title and a description for those who listen. */
function canvas(width, height, title, description) {
  const ids = [nextId(), nextId()];
  return shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-labelledby': ids.join(' '), class: 'chart' },
    shape('title', { id: ids[0] }, title), shape('desc', { id: ids[1] }, description));
}

let lastId = 0;
function nextId() {
  lastId += 1;
  return `made-${lastId}`;
}

/** Axes with a faint grid; `x` and `y` are scales, `labels` what they measure, `say` writes their ticks. */
function axes(svg, x, y, labels, say) {
  const [left, right, bottom, up] = [Math.min(x.from, x.to), Math.max(x.from, x.to), y.from, y.to];
  for (const tick of y.ticks(Math.max(Math.round((bottom - up) / 55), 2))) {
    svg.append(shape('line', { x1: left, x2: right, y1: y(tick), y2: y(tick), class: 'grid' }));
    svg.append(shape('text', { x: left - 8, y: y(tick) + 4, class: 'tick end' }, say.y(tick)));
  }
  let free = -Infinity;
  for (const tick of x.ticks(Math.max(Math.round((right - left) / 90), 2)).sort((a, b) => x(a) - x(b))) {
    const said = say.x(tick);
    if (!said) continue;
    const half = said.length * 3.4;
    svg.append(shape('line', { x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 5, class: 'axis' }));
    if (x(tick) - half < free) continue;
    free = x(tick) + half + 6;
    svg.append(shape('text', { x: x(tick), y: bottom + 19, class: 'tick middle' }, said));
  }
  svg.append(shape('line', { x1: left, x2: right, y1: bottom, y2: bottom, class: 'axis' }));
  svg.append(shape('text', { x: right, y: bottom + 38, class: 'label end' }, labels.x));
  svg.append(shape('text', { x: Math.min(left, 4), y: up - 12, class: 'label' }, labels.y));
}

/** How much room the ticks of a y axis need. */
function gutter(y, say) {
  const longest = Math.max(...y.ticks(6).map((tick) => say(tick).length), 2);
  return Math.min(14 + longest * 7.2, 96);
}

const COLOURS = 8;
const DASHES = ['', '7 3', '2 3', '9 3 2 3'];

/** How the line of the forecaster at a place looks: a colour, and beyond eight of them a pattern. */
function lineStyle(place) {
  const dash = DASHES[Math.floor(place / COLOURS) % DASHES.length];
  return { class: `line s${place % COLOURS}`, 'stroke-dasharray': dash || null };
}

/** Buttons that turn forecasters on and off; `shown` is the set of their places, which they change. */
function legend(names, shown, present, changed) {
  const buttons = new Map();
  const refresh = () => {
    for (const [place, button] of buttons) {
      button.setAttribute('aria-pressed', String(shown.has(place)));
      button.disabled = !present(place);
    }
  };
  names.forEach((name, place) => {
    const line = shape('svg', { width: 22, height: 10, 'aria-hidden': 'true', focusable: 'false' },
      shape('path', { d: 'M1 5H21', ...lineStyle(place) }));
    const button = element('button', { type: 'button', class: 'key', title: name }, line, named(name));
    button.addEventListener('click', () => {
      if (!shown.delete(place)) shown.add(place);
      refresh();
      changed();
    });
    buttons.set(place, button);
  });
  const all = (label, kept) => {
    const button = element('button', { type: 'button', class: 'quiet' }, label);
    button.addEventListener('click', () => {
      shown.clear();
      names.forEach((_, place) => { if (kept(place)) shown.add(place); });
      refresh();
      changed();
    });
    return button;
  };
  refresh();
  const box = element('div', { class: 'legend', role: 'group', 'aria-label': 'Forecasters that are shown' },
    element('div', { class: 'keys' }, [...buttons.values()]),
    element('div', { class: 'bulk' }, all('All', () => true), all('None', () => false)));
  return { box, refresh };
}
