// The few pictures used, as paths drawn in place, so that they are there without a connection too.

import { svg } from '/web/dom.js';

const PATHS = {
  mark: ['M3 12a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0', 'M10 12a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  ring: ['M5 12a7 7 0 1 0 14 0a7 7 0 1 0-14 0'],
  half: ['M5 12a7 7 0 1 0 14 0a7 7 0 1 0-14 0', 'M12 5v14M14.5 6v12M16.8 8v8'],
  lock: ['M8 11h8a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2v-4a2 2 0 0 1 2-2z', 'M9 11V8.5a3 3 0 0 1 6 0V11'],
  steps: ['M4 19h4v-5h5V9h5V5h2'],
  close: ['M6 6l12 12M18 6L6 18'],
  alert: ['M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0', 'M12 7.5v5.5M12 16.2v.3'],
  key: ['M4 14a4 4 0 1 0 8 0a4 4 0 1 0-8 0', 'M11 11l8-7M15.5 7.5l2.5 2.5'],
  search: ['M5 11a6 6 0 1 0 12 0a6 6 0 1 0-12 0', 'M15.5 15.5L20 20'],
  star: ['M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z'],
  calendar: ['M5 6.5h14v13H5z', 'M5 10.5h14M9 4v4M15 4v4'],
  copy: ['M9 9h10v11H9z', 'M15 9V4H5v11h4'],
  message: ['M5 5.5h14a1.5 1.5 0 0 1 1.5 1.5v8.5a1.5 1.5 0 0 1-1.5 1.5h-7l-4.5 3.5V17H5a1.5 1.5 0 0 1-1.5-1.5V7A1.5 1.5 0 0 1 5 5.5z'],
  send: ['M4.5 12L20 4.5 14.5 20l-3-6.5z', 'M11.5 13.5L20 4.5'],
  more: ['M12 5.5v.2M12 12v.2M12 18.5v.2'],
  back: ['M19 12H6M11.5 6.5L6 12l5.5 5.5'],
  down: ['M12 5v13M6.5 12.5L12 18l5.5-5.5'],
  arrow: ['M5 12h13M13 6.5l5.5 5.5L13 17.5'],
};

export function icon(name) {
  const picture = svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' });
  draw(picture, name);
  return picture;
}

export function draw(picture, name) {
  if (picture.dataset.icon === name) return;
  picture.dataset.icon = name;
  picture.replaceChildren(...PATHS[name].map((d) => svg('path', { d })));
}
