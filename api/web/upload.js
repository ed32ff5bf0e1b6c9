// A file on its way to the API, with how far it is, which fetch cannot tell.

import { Problem } from '/web/api.js';

const PATIENCE_MS = 120000;

export function upload(path, file, progressed) {
  const request = new XMLHttpRequest();
  request.open('POST', path);
  request.timeout = PATIENCE_MS;
  request.setRequestHeader('Accept', 'application/json');
  request.setRequestHeader('Content-Type', 'application/octet-stream');
  request.upload.onprogress = ({ loaded, total }) => progressed(loaded / (total || 1));
  return new Promise((resolve, reject) => {
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(refused(request)));
    request.ontimeout = () => reject(new Problem('timeout'));
    request.onerror = () => reject(new Problem(navigator.onLine === false ? 'offline' : 'unreachable'));
    request.send(file);
  });
}

function refused({ status, responseText }) {
  try {
    const { detail = '', errors = [] } = JSON.parse(responseText);
    return new Problem('answered', { status, detail, errors });
  } catch {
    return new Problem('answered', { status });
  }
}
