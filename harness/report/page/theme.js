'use strict';

/* A button that changes between light and dark colours. */

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

/* A page in a notebook has the colours of the notebook, which need not be those of the system. */
function takeColoursOfNotebook() {
  for (let node = window.frameElement?.parentElement; node; node = node.parentElement) {
    const colour = node.ownerDocument.defaultView.getComputedStyle(node).backgroundColor;
    const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g).map(Number);
    if (opacity > 0) {
      document.documentElement.dataset.theme = red + green + blue < 384 ? 'dark' : 'light';
      return;
    }
  }
}

takeColoursOfNotebook();
addThemeSwitch(document.getElementById('theme'));
