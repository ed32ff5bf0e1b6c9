// A browser opens six connections a host, so a page nobody looks at gives its own back.

const HIDDEN_MS = 60000;

export function watchVisibility({ hidden, woken }) {
  let timer = null;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(hidden, HIDDEN_MS);
    else woken();
  });
  addEventListener('pageshow', (shown) => shown.persisted && woken());
  addEventListener('online', woken);
}
