'use strict';

/* Reads the page's data and fills its charts. */

const CHARTS = {
  pairs: addPairs,
  ranks: addRanks,
  steps: addSteps,
  costs: addCosts,
  windows: addWindows,
};

function addThemeSwitch(button) {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  };
  const label = () => {
    button.textContent = dark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to ${dark() ? 'light' : 'dark'} colours`);
  };
  button.addEventListener('click', () => {
    document.documentElement.dataset.theme = dark() ? 'light' : 'dark';
    label();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', label);
  button.hidden = false;
  label();
}

function start() {
  document.documentElement.classList.add('scripted');
  addThemeSwitch(document.getElementById('theme'));
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
