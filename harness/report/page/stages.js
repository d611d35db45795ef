'use strict';

/* Training curves by stage: the name of a curve is QUANTITY, or QUANTITY/STEPS as in "loss/epochs". Curves with other
   steps are of another stage; stages follow one another in the order of the curves. */

/** The stages of a cell's training, each with its `begin` and `end` on the axis, and its curves [step, value] there. */
function trainingStages(curves) {
  const stages = new Map();
  for (const [name, line] of Object.entries(curves)) {
    const [, quantity, steps] = name.match(/^(.*?)(?:\/([^/]*))?$/s);
    if (!stages.has(steps)) stages.set(steps, { steps: steps || 'recorded values', lines: [] });
    stages.get(steps).lines.push({ quantity, line });
  }
  let begin = 0;
  return [...stages.values()].map((stage) => {
    const length = Math.max(...stage.lines.map(({ line }) => line.n));
    const lines = stage.lines.map(({ quantity, line }) => ({ quantity, found: spread(points(line, 1), begin, length / line.n) }));
    begin += length;
    return { ...stage, lines, begin: begin - length, end: begin };
  });
}

/** Points of a curve that has fewer values than its stage has steps, evenly over the stage. */
function spread(found, begin, factor) {
  return found.map(([step, value]) => [begin + step * factor, value]);
}

/** Borders between stages, and the name of each below the axis, in as many rows as keep them apart; how many there are. */
function addStages(svg, stages, x, up, bottom) {
  const ends = [];
  for (const { steps, begin, end } of stages) {
    if (begin > 0) svg.append(shape('line', { x1: x(begin), x2: x(begin), y1: up, y2: bottom + 5, class: 'cut' }, shape('title', {}, 'the next stage begins')));
    const [half, middle] = [Array.from(steps).length * 3.3, (x(begin) + x(end)) / 2];
    const centre = Math.max(Math.min(middle, x.to - half), half);
    let row = ends.findIndex((last) => last + 10 < centre - half);
    if (row < 0) row = ends.length;
    ends[row] = centre + half;
    svg.append(shape('text', { x: centre, y: bottom + 19 + row * 15, class: 'tick middle stage' }, isolate(steps)));
  }
  return ends.length;
}
