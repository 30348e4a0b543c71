// What the page stores in the browser. Storage may be full or disabled; the page works without it.

const MAX_MODELS = 40;

function read(name, area = "localStorage") {
  try {
    return JSON.parse(window[area].getItem(`dreamlab.${name}`));
  } catch {
    return null;
  }
}

function write(name, value, area = "localStorage") {
  try {
    window[area].setItem(`dreamlab.${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export const session = () => read("session");

export function setSession(id) {
  write("models", null);
  write("session", id);
}

// The API key is stored until the tab is closed.
export const key = () => read("key", "sessionStorage");
export const setKey = (key) => write("key", key, "sessionStorage");

// When the page sent a generation whose result it has not seen yet, in ms since 1970.
export const pendingSince = () => read("waiting");
export const setPendingSince = (time) => write("waiting", time);

// The details of a model: url, engine, seed, thumbnail.
export const model = (name) => read("models")?.[name] ?? {};

// Adds details to a model. The oldest models are dropped if there are too many or storage is full.
export function setModel(name, details) {
  const { [name]: old, ...others } = read("models") ?? {};
  const entries = { ...others, [name]: { ...old, ...details } };
  const kept = Object.entries(entries).slice(-MAX_MODELS);
  while (kept.length && !write("models", Object.fromEntries(kept))) kept.shift();
}

export function forgetModels(names) {
  const kept = Object.entries(read("models") ?? {}).filter(([name]) => !names.includes(name));
  write("models", Object.fromEntries(kept));
}
