/* Runs before MLflow's script, and makes the settings that its pages keep in the browser: model training instead of
   GenAI, no assistant, no telemetry, and for each experiment of a board the columns and the order of its table. */
(() => {
  const views = /* views */ {};
  const pages = /* pages */ {};  // the address of a board's page, by the run that holds its copy
  const home = () => { location.replace('/'); };
  const plain = (hash) => {  // without the key of a shared view that is the table's own, of which MLflow would warn
    const experiment = hash.match(/^#\/experiments\/(\w+)\/runs\?/);
    if (!experiment || !views[experiment[1]]) return hash;
    return hash.replace(/([?&])viewStateShareKey=(harness|cells)(&|$)/, (found, before, key, after) => after && before);
  };
  if (location.hash === '#/' || location.hash === '#') return home();
  history.replaceState(null, '', location.hash ? plain(location.hash) : '#/experiments');

  const settings = {
    'mlflow.workflowType_v1': 'machine_learning',
    'mlflow.assistant.panelOpen_v1': false,
    'mlflow.assistant.fab.autoOpenedOnFirstLoad_v1': true,
    'mlflow.settings.telemetry.enabled_v1': false,
    'mlflow.telemetry.info.alert.dismissed_v1': true,
  };
  for (const [key, value] of Object.entries(settings)) localStorage.setItem(key, JSON.stringify(value));

  for (const [experiment, { digest, state }] of Object.entries(views)) {
    const key = `MLflowLocalStorage-1.1-ExperimentPage-["${experiment}"]-ReactComponentState`;
    const seen = `harness.view-${experiment}`;
    if (localStorage.getItem(seen) === digest && localStorage.getItem(key)) continue;  // the reader may have changed it
    localStorage.setItem(key, JSON.stringify(state));
    localStorage.setItem(seen, digest);
  }

  const style = document.createElement('style');
  style.textContent = '[data-assistant-ui] { display: none !important; }';
  document.head.append(style);

  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const address = new URL(link.href);
    if (address.origin !== location.origin || address.pathname !== location.pathname) return;
    const page = address.hash.match(/^#\/experiments\/\w+\/runs\/(\w+)\/artifacts\/board\.html/);
    const follow = (go) => {
      event.preventDefault();
      event.stopPropagation();
      go();
    };
    if (['#/', '#', ''].includes(address.hash)) follow(home);  // MLflow's own start page is about GenAI
    else if (page && pages[page[1]]) follow(() => location.assign(pages[page[1]]));  // instead of its copy in a frame
    else if (link.target === '_blank' || plain(address.hash) !== address.hash) {
      follow(() => { location.hash = plain(address.hash); });
    }
  }, true);
})();
