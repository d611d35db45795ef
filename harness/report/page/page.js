'use strict';

/* Reads the data that lies in the page, and lets each exhibit draw itself. */

const EXHIBITS = {
  pairs: pairsExhibit,
  ranks: ranksExhibit,
  steps: stepsExhibit,
  costs: costsExhibit,
  windows: windowsExhibit,
};

function themed(button) {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  };
  const tell = () => {
    button.textContent = dark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to ${dark() ? 'light' : 'dark'} colours`);
  };
  button.addEventListener('click', () => {
    document.documentElement.dataset.theme = dark() ? 'light' : 'dark';
    tell();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);
  button.hidden = false;
  tell();
}

function start() {
  document.documentElement.classList.add('scripted');
  themed(document.getElementById('theme'));
  const standings = document.getElementById('standings-table');
  if (standings) sortable(standings, document.getElementById('sorted'));
  const board = JSON.parse(document.getElementById('data').textContent);
  for (const host of document.querySelectorAll('[data-exhibit]')) {
    host.replaceChildren();
    try {
      EXHIBITS[host.dataset.exhibit](host, board);
    } catch (error) {  // the other exhibits can still be drawn
      host.replaceChildren(element('p', { class: 'nothing' }, `This could not be drawn: ${error.message}`));
      console.error(error);
    }
  }
}

start();
