// What the page stores in the browser. Storage may be full or disabled; the page works without it.

const MAX_SIZES = 200;

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
  } catch {
    // Then it is forgotten.
  }
}

export const session = () => read("session");

export function setSession(id) {
  write("sizes", null);
  write("session", id);
}

// The API key is stored until the tab is closed.
export const key = () => read("key", "sessionStorage");
export const setKey = (key) => write("key", key, "sessionStorage");

// When the page sent a generation whose result it has not seen yet, in ms since 1970.
export const pendingSince = () => read("waiting");
export const setPendingSince = (time) => write("waiting", time);

// The unit of sizes: cm or in.
export const unit = () => read("unit");
export const setUnit = (unit) => write("unit", unit);

// The size in which a model is shown, {side, cm}. What else is known of it is in its record.
export const size = (name) => read("sizes")?.[name] ?? null;

export function setSize(name, size) {
  const { [name]: _, ...others } = read("sizes") ?? {};
  const entries = Object.entries(size ? { ...others, [name]: size } : others);
  write("sizes", Object.fromEntries(entries.slice(-MAX_SIZES)));
}
