// What this browser remembers. Storage may be full or forbidden; the page works without.

const KEPT_MODELS = 40;

function read(name, store = "localStorage") {
  try {
    return JSON.parse(window[store].getItem(`dreamlab.${name}`));
  } catch {
    return null;
  }
}

function write(name, value, store = "localStorage") {
  try {
    window[store].setItem(`dreamlab.${name}`, JSON.stringify(value));
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

// The API key lives as long as the tab.
export const key = () => read("key", "sessionStorage");
export const setKey = (key) => write("key", key, "sessionStorage");

// When a generation was sent whose end this page has not seen, in ms since 1970.
export const waiting = () => read("waiting");
export const setWaiting = (since) => write("waiting", since);

// What is known of a model beyond its name: url, engine, seed, thumbnail.
export const model = (name) => read("models")?.[name] ?? {};

export function setModel(name, facts) {
  const { [name]: old, ...others } = read("models") ?? {};
  const kept = Object.entries({ ...others, [name]: { ...old, ...facts } }).slice(-KEPT_MODELS);
  while (kept.length && !write("models", Object.fromEntries(kept))) kept.shift();
}

export function forget(names) {
  const kept = Object.entries(read("models") ?? {}).filter(([name]) => !names.includes(name));
  write("models", Object.fromEntries(kept));
}
