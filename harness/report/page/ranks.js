'use strict';

/* The critical-difference diagram (Demšar 2006): mean ranks on an axis, bars join those not significantly different. */

function addRanks(host, board) {
  const test = board.significance.ranks;
  const ranked = [...test.means].sort((a, b) => a[1] - b[1]);
  const words = cliqueWords(test.cliques);
  figure(host, {
    draw: (width) => rankDiagram(width, test, ranked, words),
    table: () => ({
      caption: 'Mean ranks over blocks, best first',
      headings: ['Forecaster', 'Mean rank over blocks', 'Groups not significantly different'],
      rows: ranked.map(([name, mean]) => [name, fixed(mean, 2),
        test.cliques.flatMap((clique, number) => (clique.includes(name) ? [number + 1] : [])).join(', ') || 'none']),
    }),
  });
}

function cliqueWords(cliques) {
  if (!cliques.length) return 'No two forecasters are joined.';
  return cliques.slice(0, 12).map((clique) => `${isolate(clique[0])} to ${isolate(clique[clique.length - 1])}`).join('; ');
}

function rankDiagram(width, test, ranked, words) {
  const narrow = width < 620;
  const letters = narrow ? 15 : 30;
  const room = (some) => Math.min(Math.max(...some.map(([name]) => Array.from(name).length), 4), letters) * 7.3 + 52;
  const split = narrow ? ranked.length : Math.ceil(ranked.length / 2);
  const [best, others] = [ranked.slice(0, split), ranked.slice(split)];
  const left = room(best);
  const right = others.length ? width - room(others) : width - 20;
  const last = Math.max(ranked.length, 2);
  const x = linearScale(1, last, left + 10, right - 10);
  const mean = new Map(ranked);
  const bars = pack(test.cliques.map((clique) => {
    const ranks = clique.map((name) => mean.get(name)).filter((rank) => rank !== undefined);
    return { low: Math.min(...ranks), high: Math.max(...ranks), clique };
  }).filter((bar) => bar.clique.length > 1));
  const levels = Math.max(0, ...bars.map((bar) => bar.level + 1));
  const [axisY, rowHeight] = [64, 20];
  const firstRow = axisY + 14 + levels * 8 + 14;
  const height = firstRow + Math.max(best.length, others.length) * rowHeight + 4;
  const svg = canvas(width, height, 'Critical-difference diagram',
    `Mean ranks over blocks from ${fixed(ranked[0][1], 2)} to ${fixed(ranked[ranked.length - 1][1], 2)}. Joined by bars: ${words}`);
  differenceBar(svg, x, test.difference, last);
  svg.append(shape('line', { x1: x(1), x2: x(last), y1: axisY, y2: axisY, class: 'axis' }));
  for (const tick of roundTicks(1, last, Math.max(Math.round((right - left) / 60), 2)).filter(Number.isInteger)) {
    svg.append(shape('line', { x1: x(tick), x2: x(tick), y1: axisY - 5, y2: axisY, class: 'axis' }));
    svg.append(shape('text', { x: x(tick), y: axisY - 10, class: 'tick middle' }, tick));
  }
  const spoke = (name, rank, y, edge, side) => {
    svg.append(shape('path', { d: `M${x(rank).toFixed(1)} ${axisY}V${y}H${edge}`, class: 'spoke' }));
    svg.append(shape('circle', { cx: x(rank), cy: axisY, r: 3, class: 'dot' }));
    const anchor = side < 0 ? 'end' : '';
    const label = shape('text', { x: edge + side * 6, y: y + 4, class: `item ${anchor}` },
      shape('title', {}, `${isolate(name)}: mean rank over blocks ${fixed(rank, 2)}`));
    const parts = [shape('tspan', {}, isolate(shorten(name, letters))), shape('tspan', { class: 'muted' }, ` ${fixed(rank, 2)} `)];
    label.append(...parts);
    svg.append(label);
  };
  best.forEach(([name, rank], row) => spoke(name, rank, firstRow + row * rowHeight, left, -1));
  [...others].reverse().forEach(([name, rank], row) => spoke(name, rank, firstRow + row * rowHeight, right, 1));
  for (const bar of bars) {
    const y = axisY + 12 + bar.level * 8;
    svg.append(shape('line', { x1: x(bar.low) - 4, x2: x(bar.high) + 4, y1: y, y2: y, class: 'clique' },
      shape('title', {}, `not significantly different: ${bar.clique.map(isolate).join(', ')}`)));
  }
  return svg;
}

function differenceBar(svg, x, difference, last) {
  if (difference === null) return;
  const end = Math.min(1 + difference, last);
  svg.append(shape('path', { d: `M${x(1)} 18v8M${x(1)} 22H${x(end)}M${x(end)} 18v8`, class: 'difference' }));
  svg.append(shape('text', { x: x(1), y: 12, class: 'label' }, `critical difference ${fixed(difference, 2)}${end < 1 + difference ? ', beyond the axis' : ''}`));
}

/** Bars with levels, as few as keep them from overlapping. */
function pack(bars) {
  const ends = [];
  return bars.sort((a, b) => a.low - b.low || b.high - a.high).map((bar) => {
    let level = ends.findIndex((end) => end < bar.low - 0.15);
    if (level < 0) level = ends.length;
    ends[level] = bar.high;
    return { ...bar, level };
  });
}
