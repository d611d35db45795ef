'use strict';

/* Pairwise comparisons: a matrix with colours and numbers, and a sentence about the selected pair. */

const STRENGTHS = [0.025, 0.105, 0.357];  // of |log ratio| of errors: 2.5 %, 10 % and 30 % less

function addPairs(host, board) {
  const found = board.significance;
  const names = found.forecasters;
  const tested = board.tasks.map((task, position) => [position, task]).filter(([position]) => found.p[position].length > 0);
  const state = { view: 'skill', task: tested.length ? tested[0][0] : 0 };
  const sentence = element('output', { class: 'reading-text', 'aria-live': 'polite' },
    'Point at a cell, or move with the arrow keys, to read a comparison.');
  const box = element('div', { class: `scroll${names.length > 40 ? ' tall' : ''}`, role: 'region', tabindex: '-1', 'aria-label': 'Pairwise comparisons' });
  const key = element('div', { class: 'swatches' });
  const views = [['skill', board.logarithmic ? 'Log10 relative error' : 'Skill'], ['wins', 'Win rate']];
  if (tested.length) views.push(['p', 'One task']);
  const tasks = select('Task', tested, state.task, (value) => { state.task = Number(value); draw(); });
  const draw = () => {
    tasks.hidden = state.view !== 'p';
    box.replaceChildren(matrix(names, (i, j) => pairCell(board, state, i, j), sentence, pairCaption(board, state)));
    key.replaceChildren(...swatches(state.view));
  };
  host.append(element('div', { class: 'controls' },
    choice('Compare by', views, state.view, (value) => { state.view = value; draw(); }), tasks), key, sentence, box);
  draw();
}

function pairCaption(board, state) {
  if (state.view === 'skill' && board.logarithmic) return 'Log10 of the error of the row’s forecaster relative to the column’s';
  if (state.view === 'skill') return 'Skill of the row’s forecaster relative to the column’s';
  if (state.view === 'wins') return 'Share of the tasks on which the row’s forecaster beats the column’s';
  return `Diebold–Mariano on ${isolate(board.tasks[state.task])}: Holm-adjusted p-values`;
}

/** A cell: its text, its colour from −3 to 3, whether the pair differs significantly, and a sentence. */
function pairCell(board, state, i, j) {
  const found = board.significance;
  const [row, column] = [found.forecasters[i], found.forecasters[j]].map(isolate);
  const pair = `${row} against ${column}: `;
  if (state.view === 'skill') {
    const [skill, low, high] = [found.pairs[i][j], found.lows[i][j], found.highs[i][j]];
    if (board.logarithmic) return logarithmicCell(pair, skill, low, high);
    const limits = low === null || high === null ? '' : ` [${fixed(low, 3)}, ${fixed(high, 3)}]`;
    const significant = low !== null && high !== null && (low > 0 || high < 0);
    return { text: bare(skill), colour: skill === null ? 0 : strength(-Math.log(Math.max(1 - skill, 1e-12))), significant,
      words: `${pair}skill ${fixed(skill, 3)}${limits}${significant ? ', significant (unadjusted)' : ''}` };
  }
  if (state.view === 'wins') {
    const wins = found.wins[i][j];
    const away = wins === null ? 0 : wins - 0.5;
    const colour = Math.sign(away) * [0.02, 0.15, 0.3].filter((least) => Math.abs(away) > least).length;
    return { text: bare(wins), colour, significant: false, words: `${pair}better on ${wins === null ? '–' : Math.round(wins * 100)} % of the tasks` };
  }
  const p = pairP(found, found.p[state.task], i, j);
  const serial = pairP(found, found.serial[state.task], i, j);
  const scores = [i, j].map((position) => scoreOf(board, found.forecasters[position], state.task));
  const better = board.lowestIsBest && scores[0] !== null && scores[1] !== null ? Math.sign(scores[1] - scores[0]) : 1;
  const colour = p === null ? 0 : better * [0.05, 0.01, 0.001].filter((least) => p < least).length;
  return { text: probability(p), colour, significant: p !== null && p < 0.05,
    words: `${pair}${board.metric} ${brief(scores[0])} and ${brief(scores[1])}, ${equation(p)}${serial === null ? '' : `; ${equation(serial)} if cutoffs depend on each other`}` };
}

/** The same of boards whose errors span orders of magnitude: the logarithm of the relative error, and its interval. */
function logarithmicCell(pair, value, low, high) {
  const known = low !== null && high !== null;
  const significant = known && (high < 0 || low > 0);
  return { text: value === null ? '–' : fixed(value, Math.abs(value) < 0.95 ? 2 : 1), colour: value === null ? 0 : strength(-value * Math.LN10), significant,
    words: `${pair}log10 relative error ${fixed(value, 2)}${known ? ` [${fixed(low, 2)}, ${fixed(high, 2)}]` : ''}${significant ? ', significant (unadjusted)' : ''}` };
}

/** A number in few characters, so that many columns fit: no zero before the point, fewer decimals of large numbers. */
function bare(value) {
  const size = Math.abs(value);
  return size >= 999.5 ? brief(Number(value.toPrecision(1))) : fixed(value, size < 0.995 ? 2 : size < 9.95 ? 1 : 0).replace(/^(\u2212?)0\./, '$1.');
}

function scoreOf(board, forecaster, task) {
  return board.rows.find((row) => row.name === forecaster)?.scores[task] ?? null;
}

/** The p-value of a pair; they are in the order (0, 1), (0, 2) … (1, 2) … */
function pairP(found, values, i, j) {
  const [a, b] = i < j ? [i, j] : [j, i];
  return values[a * (2 * found.forecasters.length - a - 1) / 2 + b - a - 1] ?? null;
}

function equation(p) {
  return `p ${p === null ? 'unknown' : p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`}`;
}

function strength(value) {
  return Math.sign(value) * STRENGTHS.filter((least) => Math.abs(value) > least).length;
}

function swatches(view) {
  const words = {
    skill: ['over 30 % less error', '10 to 30 %', '2.5 to 10 %', 'about the same', '2.5 to 10 %', '10 to 30 %', 'over 30 % less for the column'],
    wins: ['over 80 % of tasks', '65 to 80 %', '52 to 65 %', 'about half', '35 to 48 %', '20 to 35 %', 'under 20 %'],
    p: ['better, p < .001', 'p < .01', 'p < .05', 'not significant', 'p < .05', 'p < .01', 'worse, p < .001'],
  }[view];
  return words.map((text, position) => element('span', {}, element('i', { class: `cell ${shade(3 - position)}`, 'aria-hidden': 'true' }), text));
}

function shade(colour) {
  return colour === 0 ? 'even' : colour > 0 ? `more${colour}` : `less${-colour}`;
}

/** A table of pairs with arrow-key navigation; `sentence` describes the selected cell. */
function matrix(names, cellOf, sentence, caption) {
  const head = element('tr', {}, element('td', {}),
    names.map((name, position) => element('th', { scope: 'col', title: name, 'aria-label': isolate(name) }, position + 1)));
  const cells = [];
  const body = names.map((name, i) => {
    const row = names.map((_, j) => {
      if (i === j) return element('td', { class: 'cell self', 'aria-label': 'itself' }, '·');
      const { text, colour, significant, words } = cellOf(i, j);
      const kind = `cell ${shade(colour)}${significant ? ' significant' : ''}`;
      return element('td', { class: kind, title: words, 'aria-label': words }, text);
    });
    cells.push(row);
    return element('tr', {}, element('th', { scope: 'row', title: name }, element('span', { class: 'position' }, i + 1), ' ', named(name)), row);
  });
  const table = element('table', { class: `matrix${names.length > 40 ? ' many' : ''}` }, element('caption', {}, caption),
    element('thead', {}, head), element('tbody', {}, body));
  if (names.length > 1) addArrowKeys(table, cells, sentence);
  return table;
}

function addArrowKeys(table, cells, sentence) {
  let [i, j] = [0, 1];
  const go = (row, column) => {
    cells[i][j].removeAttribute('tabindex');
    [i, j] = [Math.min(Math.max(row, 0), cells.length - 1), Math.min(Math.max(column, 0), cells.length - 1)];
    cells[i][j].setAttribute('tabindex', '0');
  };
  const describe = (cell) => { if (cell && !cell.classList.contains('self')) sentence.textContent = cell.getAttribute('aria-label'); };
  go(i, j);
  table.addEventListener('keydown', (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    go(i + step[0], j + step[1]);
    cells[i][j].focus();
  });
  table.addEventListener('focusin', (event) => describe(event.target.closest('td.cell')));
  table.addEventListener('pointerover', (event) => describe(event.target.closest('td.cell')));
}
