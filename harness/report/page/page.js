'use strict';

/* Reads the page's data and fills its charts. */

const CHARTS = {
  pairs: addPairs,
  ranks: addRanks,
  steps: addSteps,
  costs: addCosts,
  windows: addWindows,
  training: addTraining,
  gradients: addGradients,
};

function start() {
  document.documentElement.classList.add('scripted');
  const standings = document.getElementById('standings-table');
  if (standings) makeSortable(standings, document.getElementById('sorted'));
  const board = JSON.parse(document.getElementById('data').textContent);
  for (const host of document.querySelectorAll('[data-chart]')) {
    host.replaceChildren();
    try {
      CHARTS[host.dataset.chart](host, board);
    } catch (error) {  // the other charts can still be drawn
      host.replaceChildren(element('p', { class: 'nothing' }, `This chart could not be drawn: ${error.message}`));
      console.error(error);
    }
  }
}

start();
