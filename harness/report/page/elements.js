'use strict';

/* Elements and texts. Names that a user chose become text nodes, never markup. */

const SVG = 'http://www.w3.org/2000/svg';  // a name, not an address

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(key, value === true ? '' : String(value));
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
  return node;
}

function element(kind, attributes, ...children) {
  return fill(document.createElement(kind), attributes, children);
}

function shape(kind, attributes, ...children) {
  return fill(document.createElementNS(SVG, kind), attributes, children);
}

/** A name that a user chose, isolated from the direction of the text around it, and broken between its words. */
function named(text) {
  const words = String(text).replace(/\w:(?=\w)|\w(?=@\w)|[a-z](?=[A-Z])/g, '$&\n').split('\n');
  return element('bdi', {}, words.map((word, i) => (i ? [element('wbr'), word] : word)));
}

/** The same for an attribute or an SVG, where there is no bdi: first strong isolate, and its end. */
function isolate(text) {
  return `\u2068${text}\u2069`;
}

/** A name without its middle where it is longer than so many letters: models of a library differ at their ends. */
function shorten(text, most) {
  const letters = Array.from(text), end = Math.floor((most - 1) / 2);
  return letters.length <= most ? text : `${letters.slice(0, most - 1 - end).join('')}…${letters.slice(-end).join('')}`;
}

/** A labelled select; `options` are [value, text] pairs. */
function select(label, options, chosen, changed) {
  const box = element('select', {}, options.map(([value, text]) => element('option', { value }, text)));
  box.value = String(chosen);
  box.addEventListener('change', () => changed(box.value));
  return element('label', { class: 'field' }, element('span', {}, label), box);
}

/** A group of buttons of which one is pressed. */
function choice(label, options, chosen, changed) {
  const buttons = options.map(([value, text]) => element('button', { type: 'button', 'data-value': value }, text));
  const field = element('div', { class: 'field' }, element('span', { 'aria-hidden': 'true' }, label),
    element('div', { class: 'choice', role: 'group', 'aria-label': label }, buttons));
  for (const button of buttons) {
    button.addEventListener('click', () => {
      press(field, button.dataset.value);
      changed(button.dataset.value);
    });
  }
  press(field, String(chosen));
  return field;
}

/** Marks the chosen option of a choice; none where there is no such option. */
function press(field, value) {
  for (const button of field.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset.value === value));
}

const MINUS = '\u2212';

/** A number with so many decimals and a true minus sign. */
function fixed(value, digits) {
  return value === null ? '–' : value.toFixed(digits).replace(/^-(?=[0.]*$)/, '').replace(/^-/, MINUS);
}

/** A number of any size in few characters. */
function brief(value) {
  if (value === null) return '–';
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2).replace(/\.?0+e/, 'e') : String(Number(value.toPrecision(4)));
  return text.replace('e+', 'e').replace(/-/g, MINUS);
}

function probability(p) {
  return p === null ? '–' : p < 0.001 ? '<.001' : p.toFixed(3).replace(/^0/, '');
}

function duration(seconds) {
  if (seconds === null) return '–';
  for (const [least, unit, size] of [[3600, 'h', 3600], [60, 'min', 60], [0.995, 's', 1], [0.995e-3, 'ms', 1e-3]]) {
    if (seconds >= least) return `${Number((seconds / size).toPrecision(2))} ${unit}`;
  }
  return `${Number((seconds / 1e-6).toPrecision(2))} µs`;
}
